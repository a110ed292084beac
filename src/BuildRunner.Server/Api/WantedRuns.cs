using System.Security.Cryptography;
using System.Text;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Access;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Sources;
using BuildRunner.Server.Triggers;
using Microsoft.AspNetCore.Http;

namespace BuildRunner.Server.Api;

/// <summary>Checks what somebody wants to start.</summary>
internal static class WantedRuns
{
    // What common programs take code, or places to load it from, out of.
    private static readonly string[] Obeyed =
    [
        "BASH_ENV", "BASHOPTS", "BROWSER", "CDPATH", "COR_PROFILER", "DOTNET_ADDITIONAL_DEPS", "DOTNET_ROOT", "DOTNET_SHARED_STORE", "DOTNET_STARTUP_HOOKS", "EDITOR", "ENV", "GCONV_PATH", "GNUMAKEFLAGS", "GOENV", "GOFLAGS",
        "GOPROXY", "GOROOT", "GRADLE_OPTS", "HOME", "IFS", "JAVA_OPTS", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "LESSOPEN", "LUA_INIT", "MAKEFILES", "MAKEFLAGS", "MAVEN_ARGS", "MAVEN_OPTS", "MFLAGS", "NODE_OPTIONS", "NODE_PATH",
        "OPENSSL_CONF", "OPENSSL_ENGINES", "OPENSSL_MODULES", "PAGER", "PATH", "PHPRC", "PHP_INI_SCAN_DIR", "PROMPT_COMMAND", "PS4", "PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONUSERBASE", "RUBYLIB", "RUBYOPT", "RUSTC",
        "RUSTC_WORKSPACE_WRAPPER", "RUSTC_WRAPPER", "RUSTFLAGS", "SBT_OPTS", "SHELL", "SHELLOPTS", "VISUAL", "XDG_CONFIG_HOME", "ZDOTDIR", "_JAVA_OPTIONS",
    ];

    private static readonly string[] ObeyedPrefixes = ["BUNDLE_", "CARGO_", "CORECLR_", "GIT_", "LD_", "LUA_INIT_", "NPM_CONFIG_", "PERL5", "PERLLIB", "PIP_", "npm_config_"];

    private const int MaxKey = 200;
    private const int MaxValues = 200;
    private const int MaxValue = 64 * 1024;
    private static readonly string[] Events = ["manual", "push", "pull_request", "tag", "release", "deployment", "cron", "webhook"];

    /// <summary>The run that is wanted.</summary>
    /// <exception cref="ApiException">Something of it is not of its form, or not allowed.</exception>
    public static WantedRun Of(ApiCall call, StartRun wanted)
    {
        var kind = wanted.Event ?? "manual";
        if (!Events.Contains(kind))
        {
            throw ApiException.Request($"'event' is one of {string.Join(", ", Events)}");
        }

        if (kind != "manual" && !call.Has(Scopes.Admin))
        {
            throw new ApiException(StatusCodes.Status403Forbidden, ApiProblems.Scope, $"a run for the event '{kind}' needs the scope {Scopes.Admin}; runs by hand are 'manual'");
        }

        // Of two scopes that differ by it: who only starts runs must not get at what their steps are given.
        if (!call.Has(Scopes.Admin) && wanted.Environment?.Keys.FirstOrDefault(IsObeyed) is { } obeyed)
        {
            throw ApiException.Request($"'{obeyed}' in 'environment' makes shells, loaders or interpreters run something else than the pipeline says; that needs the scope {Scopes.Admin}");
        }

        return new WantedRun
        {
            Point = PointOf(wanted),
            Event = kind,
            Author = call.Who,
            Title = wanted.Title is { } title ? new string([.. title.Where(c => !char.IsControl(c)).Take(200)]) : null,
            Inputs = Checked(wanted.Inputs, "inputs", _ => true),
            Environment = Checked(wanted.Environment, "environment", IsVariable),
            Delivery = call.Http.Request.Headers["Idempotency-Key"].FirstOrDefault() is { } key ? DeliveryOf(call, "api", key) : null,
        };
    }

    private static SourcePoint PointOf(StartRun wanted)
    {
        if (new object?[] { wanted.Tag, wanted.PullRequest, (object?)wanted.Branch ?? wanted.Commit }.Count(p => p is not null) > 1)
        {
            throw ApiException.Request("either 'branch' (with or without 'commit'), 'tag', 'commit' or 'pullRequest'");
        }

        if (wanted.Branch is { } branch && !GitName.IsRef($"refs/heads/{branch}"))
        {
            throw ApiException.Request("'branch' is no name that git allows for a branch");
        }

        return wanted switch
        {
            { Commit: { } commit } => GitName.IsCommit(commit) ? new SourcePoint.Commit(commit, wanted.Branch) : throw ApiException.Request("'commit' is all 40 or 64 digits of a commit, in lower case"),
            { Tag: { } tag } => GitName.IsRef($"refs/tags/{tag}") ? new SourcePoint.Tag(tag) : throw ApiException.Request("'tag' is no name that git allows for a tag"),
            { PullRequest: { } number } => number > 0 ? new SourcePoint.PullRequest(number) : throw ApiException.Request("'pullRequest' is a number from 1"),
            _ => new SourcePoint.Branch(wanted.Branch),
        };
    }

    private static IReadOnlyDictionary<string, string> Checked(IReadOnlyDictionary<string, string>? values, string what, Func<string, bool> isName)
    {
        values ??= new Dictionary<string, string>();
        if (values.Count > MaxValues || values.Any(v => v.Value is null || v.Value.Length > MaxValue || v.Value.Contains('\0') || v.Key.Length is 0 or > MaxKey))
        {
            throw ApiException.Request($"'{what}' holds at most {MaxValues} texts of at most {MaxValue / 1024} KiB");
        }

        return values.Keys.FirstOrDefault(k => !isName(k)) is { } bad
            ? throw ApiException.Request($"'{bad}' in '{what}' is no name of a variable that may be given: letters, digits and underscores, and none of CI, CI_*, BUILDRUNNER_* and PLUGIN_*, which BuildRunner sets")
            : values;
    }

    private static bool IsVariable(string name) =>
        !char.IsAsciiDigit(name[0]) && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_')
        && name != "CI" && !name.StartsWith("CI_", StringComparison.Ordinal) && !name.StartsWith("BUILDRUNNER", StringComparison.Ordinal) && !name.StartsWith("PLUGIN_", StringComparison.Ordinal);

    private static bool IsObeyed(string name) => Obeyed.Contains(name, StringComparer.Ordinal) || ObeyedPrefixes.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal));

    /// <summary>What makes a second call with the same key the same run. Bound to who sends it and to the repository: two callers that use the same key mean two runs.</summary>
    /// <exception cref="ApiException">It is no key.</exception>
    public static (string Source, string Key) DeliveryOf(ApiCall call, string source, string key)
    {
        if (key.Length is 0 or > MaxKey || key.Any(char.IsControl))
        {
            throw ApiException.Request($"the header Idempotency-Key holds 1 to {MaxKey} characters");
        }

        var bytes = SHA256.HashData(Encoding.UTF8.GetBytes($"{call.Who}\n{call.Repository.ToLowerInvariant()}\n{key}"));
        return (source, Convert.ToHexStringLower(bytes));
    }
}
