"""The formats of files that hold many images: one a file, named as in `kinds.IMAGE_FORMATS`."""
