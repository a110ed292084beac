using System.Diagnostics;
using System.Globalization;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Api;
using BuildRunner.Server.Pages;
using BuildRunner.Server.Secrets;
using BuildRunner.Server.Storage;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace BuildRunner.Server.Hosting;

/// <summary>Answers what no endpoint could: disk and database are away for a while (503, to be tried again), and defects (500, with a reference that is in the log).</summary>
internal sealed partial class Faults(TimeProvider time, ILogger<Faults> logger) : IExceptionHandler
{
    private const int SqliteIo = 10;
    private const int SqliteFull = 13;
    private const int SqliteCannotOpen = 14;

    // Agents ask again and again while a database is away: that is one trouble, and not one for each call.
    private static readonly TimeSpan Between = TimeSpan.FromMinutes(1);
    private readonly Lock gate = new();
    private readonly Dictionary<string, (long At, int Unsaid)> said = new(StringComparer.Ordinal);

    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        if (httpContext.RequestAborted.IsCancellationRequested)
        {
            return true;
        }

        Telemetry.ServerMeter.SystemErrors.Add(1, new KeyValuePair<string, object?>("cicd.system.component", "server"));
        if (WhyNotNow(exception) is { } why)
        {
            Note(httpContext.Request.Path, why);
            httpContext.Response.Headers.RetryAfter = 5.ToString(CultureInfo.InvariantCulture);
            if (IsPage(httpContext, new PageFault(StatusCodes.Status503ServiceUnavailable, why, Reference: null)))
            {
                return false;
            }

            await ApiException.Problem(StatusCodes.Status503ServiceUnavailable, ApiProblems.Unavailable, why).ExecuteAsync(httpContext);
            return true;
        }

        if (exception is BadHttpRequestException bad)
        {
            await ApiException.Problem(bad.StatusCode, ApiProblems.Request, bad.Message).ExecuteAsync(httpContext);
            return true;
        }

        var reference = Activity.Current?.TraceId.ToString() ?? httpContext.TraceIdentifier;
        LogDefect(logger, exception, httpContext.Request.Path, reference);
        if (IsPage(httpContext, new PageFault(StatusCodes.Status500InternalServerError, What: null, reference)))
        {
            return false;
        }

        await ApiException.Problem(StatusCodes.Status500InternalServerError, "defect", $"this is a defect of BuildRunner; the server's log tells more at {reference}").ExecuteAsync(httpContext);
        return true;
    }

    private void Note(string path, string why)
    {
        int unsaid;
        lock (gate)
        {
            var known = said.TryGetValue(why, out var last);
            if (known && time.GetElapsedTime(last.At) < Between)
            {
                said[why] = (last.At, last.Unsaid + 1);
                return;
            }

            unsaid = last.Unsaid;
            said[why] = (time.GetTimestamp(), 0);
        }

        LogNotNow(logger, path, why, unsaid);
    }

    // A person gets a page that says the same.
    private static bool IsPage(HttpContext http, PageFault fault)
    {
        if (!PageHosting.IsForPeople(http))
        {
            return false;
        }

        http.Features.Set(fault);
        return true;
    }

    /// <summary>Why the same call may succeed later, as a sentence; null: it will not.</summary>
    public static string? WhyNotNow(Exception exception)
    {
        for (var at = exception; at is not null; at = at.InnerException)
        {
            if (at switch
            {
                SqliteException { SqliteErrorCode: SqliteFull or SqliteIo or SqliteCannotOpen } => "the server's disk is full, or cannot be written; free some space, nothing was lost",
                IOException full when DiskFaults.IsFull(full) => "the server's disk is full; free some space, nothing was lost",
                PostgresException { SqlState: PostgresErrorCodes.DiskFull } => "the database's disk is full; free some space, nothing was lost",
                PostgresException { SqlState: PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.CannotConnectNow or PostgresErrorCodes.TooManyConnections } => "the database does not take calls now",
                NpgsqlException { IsTransient: true } => "the database does not answer",
                NpgsqlException { InnerException: System.Net.Sockets.SocketException or IOException or TimeoutException } => "the database does not answer",
                SecretException { Fault: SecretFault.UnknownKey } secret => secret.Message,
                _ => null,
            } is { } why)
            {
                return why;
            }
        }

        return null;
    }

    [LoggerMessage(3110, LogLevel.Warning, "{Path} was answered with 503: {Why} (since that was said last, {More} more)")]
    private static partial void LogNotNow(ILogger logger, string path, string why, int more);

    [LoggerMessage(3111, LogLevel.Error, "{Path} met a defect ({Reference})")]
    private static partial void LogDefect(ILogger logger, Exception exception, string path, string reference);
}
