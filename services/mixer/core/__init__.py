"""What is shown and who is heard. Pure: no pixels, no sound, no clock."""
