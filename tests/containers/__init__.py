"""The images and the compose stack on a Docker engine of our own: `make e2e-compose`."""
