"""The HTTP API and its routes; each path is served with and without a trailing slash."""

import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from aws_cdk import Stack, Tags
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_certificatemanager as certificatemanager
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.function import Function, add_log_group
from infra.nag import acknowledge
from infra.stage import Stage


def _folder(path: str) -> tuple[str, str]:
    """Return the routes for all methods of a path and of all paths below it."""
    return f"ANY {path}", f"ANY {path}/{{proxy+}}"


ROUTES: Mapping[str, tuple[str, ...]] = {
    "create_order": (
        "POST /api/v1/orders/{proxy+}",
        *_folder("/api/v1/orders/generate_license"),
    ),
    "catalog": (
        *_folder("/api/v1/products"),
        *_folder("/api/v1/license-templates"),
        *_folder("/api/v1/product-features"),
    ),
    "records": (
        *_folder("/api/v1/api-key"),
        *_folder("/api/v1/orders"),
        *_folder("/api/v1/licenses"),
        "ANY /api/v1/licenses/{id}/enable",
        "ANY /api/v1/licenses/{id}/disable",
        "ANY /api/v1/licenses/{id}/apply_policy",
        "ANY /api/v1/licenses/{id}/update_features",
        "ANY /api/v1/licenses/{id}/assign_user",
        "ANY /api/v1/licenses/{id}/assign_users",
        "ANY /api/v1/licenses/{id}/unassign_user",
        "ANY /api/v1/licenses/{id}/set_users_activations",
        *_folder("/api/v1/license-users"),
        *_folder("/api/v1/licenses/disable_bulk"),
        "ANY /api/v1/licenses/{id}/{proxy+}",
        *_folder("/api/v1/customers"),
        *_folder("/api/v1/events"),
        *_folder("/api/v1/search"),
        *_folder("/api/v1/statistics"),
    ),
    "api_keys": _folder("/api/v1/api-keys"),
    "start_import": (
        "POST /api/v1/licenses/{proxy+}",
        "ANY /api/v1/licenses/import_from_csv/{proxy+}",
        "ANY /api/v1/licenses/import_features_from_csv/{proxy+}",
        *_folder("/api/v1/customers/import_from_csv"),
        "POST /api/v1/imports",
        "POST /api/v1/imports/{proxy+}",
        *_folder("/api/v1/imports/{id}/parts"),
        "ANY /api/v1/import-templates/{proxy+}",
        *_folder("/api/v1/import-mappings"),
    ),
    "job_status": (
        *_folder("/api/v1/licenses-import-results"),
        *_folder("/api/v1/customers-import-results"),
        *_folder("/api/v1/license-features-import-results"),
        *_folder("/api/v1/imports"),
        "ANY /api/v1/imports/{id}/cancel",
        "ANY /api/v1/imports/{id}/commit",
        "ANY /api/v1/imports/{id}/retry",
        "ANY /api/v1/imports/{id}/undo",
        "ANY /api/v1/imports/{id}/{proxy+}",
        *_folder("/api/v1/exports"),
    ),
    "console.handler": ("ANY /", *_folder("/console"), *_folder("/docs")),
    "documents": ("$default",),
}
"""The routes of each function: folders of paths, and `$default` for all other paths.

AWS: "API Gateway selects the route with the most-specific match": a full match, then a greedy path
variable, then `$default`; and ANY matches "all methods that you haven't defined for a resource".

AWS does not document whether `/orders/{proxy+}` matches `/orders/`. It probably does: the Lambda
test tool of AWS (aws/aws-lambda-dotnet, ApiGatewayRouteConfigService) matches it. If it does not,
API Gateway selects the next larger folder or `$default`. Every function answers a path of another
function with 308 to the path without its slash (functions/web/route_table.py), so the route of each
path without a slash must be certain. tests/functions/test_gateway.py tests both cases.
"""

ACCESS_LOG = {
    "request_id": "$context.requestId",
    "time": "$context.requestTime",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "route": "$context.routeKey",
    "status": "$context.status",
    "bytes": "$context.responseLength",
    "latency_ms": "$context.responseLatency",
    "ip": "$context.identity.sourceIp",
}
"""Fields of the access log, without headers and query string, which may contain API keys."""


class Api(Construct):
    """An HTTP API with the single stage `$default`, so that paths have no prefix."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        key: kms.IKey | None,
        functions: Mapping[str, Function],
    ) -> None:
        super().__init__(scope, construct_id)
        self.http = apigatewayv2.HttpApi(
            self,
            "Http",
            api_name=f"keywright-{stage.name}",
            create_default_stage=False,
        )
        self.url: str = self.http.api_endpoint
        """Without a trailing slash."""
        self.origins = [self.url, *_origins(stage)]
        """Origins of the console in browsers."""
        self.domain_target: str | None = None
        """The target of the DNS alias record for the stage's custom domain."""
        if stage.api_tag:
            Tags.of(self.http).add("ms-custom-id", stage.api_tag)
        acknowledge(
            self, "APIG4", "functions check the API key, so that all errors have the same format"
        )
        self._add_default_stage(stage, key)
        if stage.domain_name:
            self._add_domain(stage)
        for name, routes in ROUTES.items():
            self._add_routes(name, functions[name], routes, slash=stage.slash)
            if stage.public_url:
                functions[name].function.add_environment("PUBLIC_URL", stage.public_url)

    def _add_default_stage(self, stage: Stage, key: kms.IKey | None) -> None:
        self._default = apigatewayv2.CfnStage(
            self,
            "Default",
            api_id=self.http.api_id,
            stage_name="$default",
            auto_deploy=True,
            default_route_settings=apigatewayv2.CfnStage.RouteSettingsProperty(
                throttling_rate_limit=stage.requests_per_second,
                throttling_burst_limit=stage.burst,
            ),
            access_log_settings=apigatewayv2.CfnStage.AccessLogSettingsProperty(
                destination_arn=add_log_group(self, stage=stage, key=key).log_group_arn,
                format=json.dumps(ACCESS_LOG),
            ),
        )

    def _add_domain(self, stage: Stage) -> None:
        domain = apigatewayv2.DomainName(
            self,
            "Domain",
            domain_name=stage.domain_name,
            certificate=certificatemanager.Certificate.from_certificate_arn(
                self, "Certificate", stage.certificate_arn
            ),
        )
        mapping = apigatewayv2.CfnApiMapping(
            self,
            "Mapping",
            api_id=self.http.api_id,
            domain_name=domain.name,
            stage=self._default.ref,
        )
        mapping.node.add_dependency(domain)
        self.url = f"https://{stage.domain_name}"
        self.domain_target = domain.regional_domain_name

    def _add_routes(
        self, name: str, target: Function, routes: tuple[str, ...], *, slash: str
    ) -> None:
        """Add routes as CfnRoute: the CDK's HttpRoute rejects trailing slashes.

        HttpRoute would also add one Lambda permission per route.
        """
        integration = apigatewayv2.CfnIntegration(
            self,
            f"To {name}",
            api_id=self.http.api_id,
            integration_type="AWS_PROXY",
            integration_uri=target.live.function_arn,
            payload_format_version="2.0",
        )
        target.live.add_permission(
            "Api",
            principal=iam.ServicePrincipal("apigateway.amazonaws.com"),
            source_arn=Stack.of(self).format_arn(
                service="execute-api", resource=self.http.api_id, resource_name="*/*"
            ),
        )
        for key in route_keys(routes, slash=slash):
            apigatewayv2.CfnRoute(
                self,
                key,
                api_id=self.http.api_id,
                route_key=key,
                target=f"integrations/{integration.ref}",
            )


def _origins(stage: Stage) -> list[str]:
    """Return the origins of the stage's public URL and custom domain."""
    parts = urlsplit(stage.public_url)
    public = [f"{parts.scheme}://{parts.netloc}"] if parts.netloc not in ("", "{host}") else []
    return [*public, *([f"https://{stage.domain_name}"] if stage.domain_name else [])]


def route_keys(routes: tuple[str, ...], *, slash: str) -> list[str]:
    """Return the route keys; with `slash`, for the emulator, also one for each trailing slash.

    In the emulator, `{proxy+}` does not match an empty rest, and a route key may end in a slash,
    which AWS rejects.
    """
    keys = list(routes)
    if slash:
        paths = [route.removesuffix("/{proxy+}") for route in routes]
        keys += [path + slash for path in paths if path != "$default" and not path.endswith("/")]
    return list(dict.fromkeys(keys))
