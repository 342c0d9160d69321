"""OpenAI's API over an aggregator: requests, answers, streams and failures in its shape.

For the server (:mod:`llmagg.serve`) and the adapters (:mod:`llmagg.adapters`); nothing else imports this package.
"""
