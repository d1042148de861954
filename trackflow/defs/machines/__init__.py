"""Runs on other machines: which launcher starts them, and Celery's workers, which execute them."""
