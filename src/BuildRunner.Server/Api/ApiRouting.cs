using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Sources;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;

namespace BuildRunner.Server.Api;

/// <summary>How endpoints of the API are mapped: each with a scope, typed bodies, and problem details for whatever goes wrong.</summary>
/// <remarks>How a body is written is looked up when an endpoint is called first: for all of them at once that is a tenth of a start.</remarks>
internal static class ApiRouting
{
    /// <summary>What bodies may call themselves: whatever they like, because they are read as JSON all the same and curl calls them a form.</summary>
    public static readonly string[] Bodies = ["application/json", AnyBody];

    /// <summary>Any kind of body.</summary>
    public const string AnyBody = "*/*";

    // Without a method an endpoint is in no description.
    private static readonly MethodInfo Described = ((Func<HttpContext, Task>)(_ => Task.CompletedTask)).Method;

    // A member that nobody knows is a mistake of the caller that would otherwise stay unseen.
    private static readonly ApiJson Requests = new(new JsonSerializerOptions(ApiJson.Default.Options) { UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow });

    /// <summary>GET that answers JSON.</summary>
    public static IEndpointConventionBuilder Read<TAnswer>(this IEndpointRouteBuilder routes, string route, string scope, Func<ApiJson, JsonTypeInfo<TAnswer>> type, Func<ApiCall, Task<TAnswer>> answer) =>
        Map(routes, HttpMethods.Get, route, scope, async call => TypedResults.Json(await answer(call), type(ApiJson.Default))).WithMetadata(new ProducesResponseTypeMetadata(StatusCodes.Status200OK, typeof(TAnswer), ["application/json"]));

    /// <summary>GET that answers something else.</summary>
    public static IEndpointConventionBuilder Stream(this IEndpointRouteBuilder routes, string route, string scope, string contentType, Func<ApiCall, Task<IResult>> answer) =>
        Map(routes, HttpMethods.Get, route, scope, answer).WithMetadata(new ProducesResponseTypeMetadata(StatusCodes.Status200OK, typeof(string), [contentType]));

    /// <summary>A call without a body, that answers JSON.</summary>
    public static IEndpointConventionBuilder Do<TAnswer>(this IEndpointRouteBuilder routes, string method, string route, string scope, Func<ApiJson, JsonTypeInfo<TAnswer>> type, Func<ApiCall, Task<TAnswer>> answer) =>
        Map(routes, method, route, scope, async call => TypedResults.Json(await answer(call), type(ApiJson.Default))).WithMetadata(new ProducesResponseTypeMetadata(StatusCodes.Status200OK, typeof(TAnswer), ["application/json"]));

    /// <summary>A call with a body, that answers JSON.</summary>
    public static IEndpointConventionBuilder Do<TRequest, TAnswer>(
        this IEndpointRouteBuilder routes, string method, string route, string scope, Func<ApiJson, JsonTypeInfo<TRequest>> request, Func<ApiJson, JsonTypeInfo<TAnswer>> type, Func<ApiCall, TRequest, Task<(int Status, TAnswer Answer)>> answer)
        where TRequest : notnull =>
        Map(routes, method, route, scope, async call =>
        {
            var (status, body) = await answer(call, await BodyAsync(call, request(Requests)));
            return TypedResults.Json(body, type(ApiJson.Default), statusCode: status);
        }).WithMetadata(new AcceptsMetadata(Bodies, typeof(TRequest)), new ProducesResponseTypeMetadata(StatusCodes.Status200OK, typeof(TAnswer), ["application/json"]));

    /// <summary>DELETE.</summary>
    public static IEndpointConventionBuilder Remove(this IEndpointRouteBuilder routes, string route, string scope, Func<ApiCall, Task> remove) =>
        Map(routes, HttpMethods.Delete, route, scope, async call =>
        {
            await remove(call);
            return TypedResults.NoContent();
        }).WithMetadata(new ProducesResponseTypeMetadata(StatusCodes.Status204NoContent, typeof(void), []));

    /// <summary>As a plain handler. The framework's way to hand out arguments by their names makes and compiles a program for each endpoint at each start.</summary>
    public static RequestDelegate Plain(Func<HttpContext, Task<IResult>> answer) => async http => await (await answer(http)).ExecuteAsync(http);

    // By the framework's plain way, because its other one costs time at each start for every endpoint; what describes an endpoint is added by hand.
    private static IEndpointConventionBuilder Map(IEndpointRouteBuilder routes, string method, string route, string scope, Func<ApiCall, Task<IResult>> answer) =>
        routes.MapMethods(route, [method], async (HttpContext http) => await (await GuardedAsync(new ApiCall(http), answer)).ExecuteAsync(http))
            .RequireAuthorization(scope)
            .WithMetadata(new ApiScope(scope), Described, Problem(StatusCodes.Status401Unauthorized), Problem(StatusCodes.Status403Forbidden));

    private static ProducesResponseTypeMetadata Problem(int status) => new(status, typeof(ApiProblem), ["application/problem+json"]);

    private static async Task<IResult> GuardedAsync(ApiCall call, Func<ApiCall, Task<IResult>> answer)
    {
        try
        {
            return await answer(call);
        }
        catch (ApiException problem)
        {
            return problem.ToResult();
        }
        catch (SourceException problem)
        {
            return problem.Fault == SourceFault.Here
                ? ApiException.Problem(StatusCodes.Status503ServiceUnavailable, ApiProblems.Unavailable, problem.Message)
                : ApiException.Problem(StatusCodes.Status422UnprocessableEntity, ApiProblems.Source, problem.Message);
        }
    }

    private static async Task<T> BodyAsync<T>(ApiCall call, JsonTypeInfo<T> type)
    {
        try
        {
            return await JsonSerializer.DeserializeAsync(call.Http.Request.Body, type, call.Stop) ?? throw ApiException.Request("the body is null");
        }
        catch (JsonException e)
        {
            throw ApiException.Request(BodyProblem.Of(e));
        }
        catch (BadHttpRequestException e) when (e.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            throw new ApiException(StatusCodes.Status413PayloadTooLarge, ApiProblems.Request, "the body is too large");
        }
    }
}

/// <summary>The scope that an endpoint needs, for its description and for tests.</summary>
internal sealed record ApiScope(string Scope);
