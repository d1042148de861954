"""Messages to people about work that went wrong.

Here belongs the delivery of messages. What is worth a message, and its text, belong to the use
cases and to `trackflow.defs`.
"""
