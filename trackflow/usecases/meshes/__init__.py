"""Use cases of meshes."""
