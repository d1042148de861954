"""Files of meshes, one module per format: triangles in, bytes out."""
