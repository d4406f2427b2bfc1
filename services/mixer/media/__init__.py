"""Media in, composed pictures and mixed sound out. Knows scenes, but no views and no bus."""
