"""The database: tables, migrations, and one package of queries per subject.

All SQL belongs here. A function takes a connection and values and returns values; rules belong to
the packages of pure rules, and the choice of transactions to the use cases.
"""
