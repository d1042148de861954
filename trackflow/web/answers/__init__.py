"""The answers of the API by subject: models, examples, and how values become answers.

The models are `TypedDict`: mypy checks that answers have their fields, OpenAPI shows them with
units and an example, and nothing validates or copies an answer when it is sent.
"""
