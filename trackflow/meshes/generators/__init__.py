"""What makes meshes: this machine's child processes, or a mesh service over HTTP."""
