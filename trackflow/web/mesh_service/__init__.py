"""The mesh service: meshes from images for other programs, over HTTP."""
