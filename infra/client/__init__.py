"""The typed Python client of the API.

    from infra.client import ApiProblem, Client

    with Client("https://api.example.com", "<prefix>.<secret>") as client:
        placed = client.orders.create({"items": [{"product_code": "sketch", "licenses": [{}]}]})

Importing the package loads neither the CDK nor boto3. `Client` groups the operations by resource;
every refusal by the API raises `ApiProblem`, with the stable `code` and the faults by field.
"""

from infra.client.client import Client
from infra.client.connection import ApiProblem

__all__ = ["ApiProblem", "Client"]
