"""Files of meshes, one module per format: a scene in, bytes out.

Each is a `trackflow.meshes.writing.MeshWriter`; every module of this package is a format.
"""
