"""Race tracks (places) as sources list them: read, checked, compared.

No store and no Dagster: `usecases.catalogue` fetches, and stores the result.
"""
