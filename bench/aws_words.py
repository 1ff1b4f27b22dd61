"""Quotes of AWS about its limits, with their pages, for docs/scale.md."""

_DEVELOPER_GUIDE = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide"
QUOTES: tuple[tuple[str, str, str], ...] = (
    (
        "DynamoDB, a partition",
        (
            "each individual partition is limited to 1,000 write units per second and 3,000 "
            "read units per second"
        ),
        f"{_DEVELOPER_GUIDE}/warm-throughput-scenarios.html",
    ),
    (
        "DynamoDB, a new table",
        (
            "A new on-demand table starts with a warm throughput of 12,000 read units per "
            "second and 4,000 write units per second."
        ),
        f"{_DEVELOPER_GUIDE}/warm-throughput-scenarios.html",
    ),
    (
        "DynamoDB, growth",
        (
            "throttling can still occur if throughput exceeds twice the previous peak within "
            "the same 30-minute window"
        ),
        f"{_DEVELOPER_GUIDE}/warm-throughput.html",
    ),
    (
        "DynamoDB, a table",
        ("40,000 read request units and 40,000 write request units"),
        f"{_DEVELOPER_GUIDE}/ServiceQuotas.html",
    ),
    (
        "DynamoDB, an index",
        (
            "if a request performs heavy write activity on the table, but a global secondary "
            "index on that table has insufficient write capacity, then the write activity on "
            "the table will be throttled"
        ),
        (
            "https://docs.aws.amazon.com/whitepapers/latest/comparing-dynamodb-and-hbase-for-"
            "nosql/global-secondary-index-considerations.html"
        ),
    ),
    (
        "Lambda, an account",
        ("Concurrent executions … 1,000 … Tens of thousands"),
        "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
    ),
    (
        "Lambda, growth",
        ("your concurrency scaling rate is 1,000 execution environment instances every 10 seconds"),
        "https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html",
    ),
    (
        "API Gateway, an account",
        (
            "10,000 requests per second (RPS) with an additional burst capacity provided by "
            "the token bucket algorithm"
        ),
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html",
    ),
    (
        "S3, a prefix",
        (
            "Your application can achieve 3,500 PUT/COPY/POST/DELETE or 5,500 GET/HEAD "
            "requests per second per prefix in a bucket. There are no limits to the number of"
            " prefixes in a bucket."
        ),
        "https://repost.aws/knowledge-center/s3-object-key-naming-pattern",
    ),
)
"""Limit, quote and page, as read in November 2026."""
