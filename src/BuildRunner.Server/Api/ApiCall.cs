using System.Globalization;
using System.Security.Claims;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Access;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace BuildRunner.Server.Api;

/// <summary>One call of the API: who calls, and what is in the address.</summary>
internal sealed class ApiCall(HttpContext http)
{
    public HttpContext Http => http;

    /// <summary>Who calls, for people.</summary>
    public string Who => http.User.FindFirstValue(ClaimTypes.Name) ?? "somebody";

    /// <summary>Ends when the caller goes.</summary>
    public CancellationToken Stop => http.RequestAborted;

    /// <summary>Ends when the server does: what would otherwise go on for long ends with this.</summary>
    public CancellationToken Ending => Get<IHostApplicationLifetime>().ApplicationStopping;

    /// <summary><c>owner/name</c> of the address.</summary>
    public string Repository => $"{Route("owner")}/{Route("name")}";

    public T Get<T>()
        where T : notnull => http.RequestServices.GetRequiredService<T>();

    /// <summary>A part of the path.</summary>
    public string Route(string name) => http.Request.RouteValues[name] as string ?? "";

    /// <summary>A value of the query; null: it is not there, or empty.</summary>
    public string? Query(string name) => http.Request.Query[name].FirstOrDefault() is { Length: > 0 } value ? value : null;

    /// <summary>A number of the query.</summary>
    /// <exception cref="ApiException">It is none, or out of its bounds.</exception>
    public long? Number(string name, long least, long most)
    {
        if (Query(name) is not { } text)
        {
            return null;
        }

        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
            ? number
            : throw ApiException.Request($"'{name}' is a number from {least} to {most}");
    }

    /// <summary>Whether the caller has a scope.</summary>
    public bool Has(string scope) => http.User.HasClaim(TokenAuthentication.ScopeClaim, scope) || http.User.HasClaim(TokenAuthentication.ScopeClaim, Scopes.Admin);
}

/// <summary>The call cannot be answered as it was meant; becomes problem details.</summary>
internal sealed class ApiException(int status, string code, string detail) : Exception(detail)
{
    public int Status => status;

    public string Code => code;

    public static ApiException Request(string detail) => new(StatusCodes.Status400BadRequest, ApiProblems.Request, detail);

    public static ApiException NotFound(string detail) => new(StatusCodes.Status404NotFound, ApiProblems.NotFound, detail);

    public static ApiException State(string detail) => new(StatusCodes.Status409Conflict, ApiProblems.State, detail);

    public static ApiException Refused(string code, string detail) => new(StatusCodes.Status422UnprocessableEntity, code, detail);

    public ProblemHttpResult ToResult() => Problem(status, code, Message);

    /// <summary>Problem details with a stable word.</summary>
    public static ProblemHttpResult Problem(int status, string code, string detail) =>
        TypedResults.Problem(detail, statusCode: status, extensions: new Dictionary<string, object?> { ["code"] = code });
}
