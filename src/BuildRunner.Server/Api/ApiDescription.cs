using System.Text.RegularExpressions;
using BuildRunner.Core.ApiContract;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.OpenApi;

namespace BuildRunner.Server.Api;

/// <summary>The API's own description, as OpenAPI.</summary>
internal static partial class ApiDescription
{
    /// <summary>Where it is.</summary>
    public const string Route = "/api/openapi.json";

    private const string Document = "openapi";

    public static void AddApiDescription(this IServiceCollection services)
    {
        services.Configure<JsonOptions>(json => json.SerializerOptions.TypeInfoResolverChain.Insert(0, ApiJson.Default));
        services.AddOpenApi(Document, options =>
        {
            options.ShouldInclude = endpoint => endpoint.ActionDescriptor.EndpointMetadata.OfType<ApiScope>().Any();
            options.AddDocumentTransformer((document, _, _) =>
            {
                document.Info = new OpenApiInfo { Title = "BuildRunner", Version = "1", Description = "Runs, logs, repositories, agents and queue. Errors are problem details with a stable word in 'code'." };
                document.Servers = [];
                document.Components ??= new OpenApiComponents();
                document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
                {
                    ["token"] = new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer", Description = "A token of the API" },
                };
                document.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference("token", document)] = [] }];
                return Task.CompletedTask;
            });
            options.AddOperationTransformer((operation, context, _) =>
            {
                Describe(operation, context);
                return Task.CompletedTask;
            });
        });
    }

    public static void MapApiDescription(this IEndpointRouteBuilder routes) =>
        routes.MapOpenApi(Route.Replace("openapi", "{documentName}", StringComparison.Ordinal)).AllowAnonymous();

    // Endpoints read path and query themselves, so what is in them is told here.
    private static void Describe(OpenApiOperation operation, OpenApiOperationTransformerContext context)
    {
        var path = context.Description.RelativePath ?? "";
        operation.Parameters ??= [];
        foreach (Match match in Placeholder().Matches(path))
        {
            operation.Parameters.Add(new OpenApiParameter { Name = match.Groups[1].Value, In = ParameterLocation.Path, Required = true, Schema = new OpenApiSchema { Type = JsonSchemaType.String } });
        }

        foreach (var name in Queries("/" + path, context.Description.HttpMethod))
        {
            operation.Parameters.Add(new OpenApiParameter { Name = name, In = ParameterLocation.Query, Schema = new OpenApiSchema { Type = JsonSchemaType.String } });
        }

        operation.RequestBody?.Content?.Remove(ApiRouting.AnyBody);
        if (context.Description.ActionDescriptor.EndpointMetadata.OfType<ApiScope>().FirstOrDefault() is { } scope)
        {
            operation.Description = $"Scope: {scope.Scope}.";
        }
    }

    private static string[] Queries(string route, string? method) => (method, route) switch
    {
        ("GET", ApiRoutes.Runs) => ["repo", "branch", "state", "event", "limit", "before"],
        ("GET", ApiRoutes.Log) => ["workflow", "step", "attempt", "try", "format", "tail"],
        ("GET", ApiRoutes.LogFollow) => ["workflow", "step", "attempt", "try", "tail", "offset"],
        ("GET", ApiRoutes.Audit) => ["limit", "before", "subject"],
        _ when route.StartsWith(ApiRoutes.Run, StringComparison.Ordinal) => ["attempt"],
        _ => [],
    };

    [GeneratedRegex(@"\{(\w+)\}")]
    private static partial Regex Placeholder();
}
