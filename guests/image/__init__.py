"""What the build-image programs of the guests share."""
