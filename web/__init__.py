"""The web app's static files."""
