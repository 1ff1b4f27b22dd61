"""The HTTP API: one table of routes; a path that ends in a slash is served without it as well."""

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

NOT_IDS = (
    "GET /api/v1/orders/create_order/",
    "GET /api/v1/licenses/import_from_csv/",
    "GET /api/v1/licenses/import_features_from_csv/",
    "GET /api/v1/customers/import_from_csv/",
    "PATCH /api/v1/customers/import_from_csv/",
)
"""What nothing serves, and a route with `{id}` would take for a record that is not there."""

ROUTES: Mapping[str, tuple[str, ...]] = {
    "create_order": (
        "POST /api/v1/orders/create_order/",
        "GET /api/v1/orders/generate_license/",
    ),
    "catalog": (
        "GET /api/v1/products/",
        "POST /api/v1/products/",
        "GET /api/v1/products/{id}/",
        "PATCH /api/v1/products/{id}/",
        "GET /api/v1/products/{id}/bundle/",
        "GET /api/v1/license-templates/",
        "POST /api/v1/license-templates/",
        "GET /api/v1/license-templates/{id}/",
        "PATCH /api/v1/license-templates/{id}/",
        "GET /api/v1/product-features/",
        "POST /api/v1/product-features/",
        "GET /api/v1/product-features/{id}/",
        "PATCH /api/v1/product-features/{id}/",
    ),
    "records": (
        "GET /api/v1/api-key/",
        "GET /api/v1/orders/",
        "GET /api/v1/orders/{id}/",
        "GET /api/v1/orders/{id}/export/",
        "GET /api/v1/orders/export/",
        "GET /api/v1/licenses/",
        "GET /api/v1/licenses/{id}/",
        "POST /api/v1/licenses/{id}/enable/",
        "POST /api/v1/licenses/{id}/disable/",
        "GET /api/v1/customers/",
        "POST /api/v1/customers/",
        "GET /api/v1/customers/{id}/",
        "PATCH /api/v1/customers/{id}/",
    ),
    "start_import": (
        "POST /api/v1/licenses/import_from_csv/",
        "POST /api/v1/customers/import_from_csv/",
        "POST /api/v1/licenses/import_features_from_csv/",
        "POST /api/v1/imports/",
        "POST /api/v1/imports/{id}/parts/",
        "GET /api/v1/import-templates/{kind}/",
    ),
    "job_status": (
        *(
            f"GET /api/v1/{kind}-import-results/{one}"
            for kind in ("licenses", "customers", "license-features")
            for one in ("", "{id}/")
        ),
        "GET /api/v1/imports/",
        "GET /api/v1/imports/{id}/",
        "GET /api/v1/imports/{id}/errors/",
        "GET /api/v1/imports/{id}/failed.csv/",
        "POST /api/v1/imports/{id}/cancel/",
        "POST /api/v1/imports/{id}/retry/",
    ),
    "console.handler": (
        "GET /",
        "GET /console/{file+}",
        "HEAD /console/{file+}",
    ),
    "documents": (
        "GET /healthz",
        "GET /openapi.json",
        "GET /docs",
        *NOT_IDS,
        "$default",
    ),
}
"""Which function serves what; `$default` answers every other path and method in our own words."""

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
"""Neither headers nor the query string: they may hold an API key or an e-mail address."""


class Api(Construct):
    """One HTTP API with the single stage `$default`, so that paths carry no prefix."""

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
        """What browsers call the place of the console."""
        self.domain_target: str | None = None
        """What the DNS record of the stage's own domain must be an alias of."""
        if stage.api_tag:
            Tags.of(self.http).add("ms-custom-id", stage.api_tag)
        acknowledge(
            self, "APIG4", "functions check the key, so that every refusal has the one shape"
        )
        self._serve(stage, key)
        if stage.domain_name:
            self._name(stage)
        for name, routes in ROUTES.items():
            self._route(name, functions[name], routes, slash=stage.slash)
            if stage.public_url:
                functions[name].function.add_environment("PUBLIC_URL", stage.public_url)

    def _serve(self, stage: Stage, key: kms.IKey | None) -> None:
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

    def _name(self, stage: Stage) -> None:
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

    def _route(self, name: str, target: Function, routes: tuple[str, ...], *, slash: str) -> None:
        """CfnRoute, because CDK's own route refuses the slash and adds a permission for each."""
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
    """Of the addresses that callers use, where the stage names them."""
    parts = urlsplit(stage.public_url)
    named = [f"{parts.scheme}://{parts.netloc}"] if parts.netloc not in ("", "{host}") else []
    return [*named, *([f"https://{stage.domain_name}"] if stage.domain_name else [])]


def route_keys(routes: tuple[str, ...], *, slash: str) -> list[str]:
    """The keys for API Gateway: a route that ends in a slash twice, bare and with `slash` there.

    A folder, `…/{file+}`, is served by its own name as well; the root `/` has no other spelling.
    """
    keys: list[str] = []
    for route in routes:
        bare = route.removesuffix("/").removesuffix("/{file+}")
        is_root = bare.endswith(" ")
        keys += [route] if is_root else [bare]
        if route.endswith("+}"):
            keys += [route] if "+" in slash else [bare + slash, route]
        elif route != bare and not is_root:
            keys.append(bare + slash)
    return keys
