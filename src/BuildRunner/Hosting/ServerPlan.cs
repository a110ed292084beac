using System.Net;
using BuildRunner.Core.AgentContract;
using BuildRunner.Server;
using BuildRunner.Server.Bus;
using BuildRunner.Server.Dispatch;
using BuildRunner.Server.Hosting;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Sources;
using BuildRunner.Settings;
using Microsoft.AspNetCore.Http;

namespace BuildRunner.Hosting;

/// <summary>What the settings make of a server: checked, and complete.</summary>
internal sealed record ServerPlan
{
    /// <summary>The server itself.</summary>
    public required ServerOptions Options { get; init; }

    /// <summary>Where it listens.</summary>
    public required IReadOnlyList<BindingAddress> Listen { get; init; }

    /// <summary>Certificate and key of https addresses; null: there are none.</summary>
    public (string Certificate, string? Key)? Certificate { get; init; }

    /// <summary>Whose forwarded headers are believed.</summary>
    public IReadOnlyList<IPAddress> TrustedProxies { get; init; } = [];

    /// <summary>The path below which a proxy serves it.</summary>
    public PathString BasePath { get; init; }

    /// <summary>How long answering may go on at the end.</summary>
    public required TimeSpan ShutdownGrace { get; init; }

    /// <summary>The broker; null: messages stay in this process.</summary>
    public Uri? Broker { get; init; }

    /// <summary>The address that serves nothing but metrics; null: there is none.</summary>
    public BindingAddress? MetricsListen { get; init; }

    /// <summary>The token by which metrics may be read where the server listens; null: they may not.</summary>
    public string? MetricsToken { get; init; }

    /// <summary>Reads the settings.</summary>
    /// <exception cref="SettingsException">They do not fit together; every problem is named.</exception>
    public static ServerPlan Of(EffectiveSettings settings, IReadOnlyDictionary<string, string> environment)
    {
        var problems = new List<string>();
        var data = Path.GetFullPath(settings.Text(ServerKeys.DataDir) ?? StandardFolders.State(environment));
        var broker = BrokerOf(settings, problems);
        var plan = new ServerPlan
        {
            Options = new ServerOptions
            {
                DataDirectory = data,
                PostgreSql = PostgreSql(settings, problems),
                MigrateOnStart = settings.Flag(ServerKeys.DatabaseMigrate),
                Keys = ServerSecrets.Keys(settings, data, environment, problems),
                Bus = new BusNames(settings.Required(ServerKeys.BusRabbitPrefix), Alone: broker is null),
                OpenToThisMachine = settings.Text(ServerKeys.AuthMode) == "none",
                PublicRead = settings.Flag(ServerKeys.PublicRead),
                PublicUrl = PublicUrlOf(settings, problems),
                Sources = SourcesOf(settings),
                GitHub = TriggerPlan.GitHub(settings, problems),
                Webhooks = TriggerPlan.Webhooks(settings),
                Schedules = TriggerPlan.Schedules(settings),
                Notify = TriggerPlan.Notify(settings, problems),
                Pipelines = new PipelineOptions
                {
                    DefaultTimeout = settings.Duration(SettingKeys.PipelinesDefaultTimeout)!.Value,
                    MaxTimeout = settings.Duration(ServerKeys.MaxTimeout)!.Value,
                    CancelSupersededPushes = settings.Text(ServerKeys.CancelSuperseded) == "all",
                },
                Housekeeping = new HousekeepingOptions { Logs = settings.Duration(ServerKeys.LogsRetention)!.Value },
                Dispatch = DispatchOptions.Of(settings.Duration(ServerKeys.LeaseRenew)!.Value) with { EmbeddedAgentTakesStrangers = settings.Flag(ServerKeys.TakeStrangers) },
                Logs = new LogLimits
                {
                    MaxPerStep = settings.Size(ServerKeys.LogsMaxPerStep)!.Value,
                    MaxLine = (int)Math.Clamp(settings.Size(ServerKeys.LogsMaxLine)!.Value, 1024, 1024 * 1024),
                },
            },
            Listen = Addresses(settings, ServerKeys.Listen, problems),
            MetricsListen = settings.Text(ServerKeys.MetricsListen) is null ? null : Addresses(settings, ServerKeys.MetricsListen, problems).FirstOrDefault(),
            MetricsToken = settings.Text(ServerKeys.MetricsToken),
            Certificate = settings.Text(ServerKeys.Certificate) is { } certificate ? (certificate, settings.Text(ServerKeys.CertificateKey)) : null,
            TrustedProxies = Proxies(settings, problems),
            BasePath = BasePathOf(settings, problems),
            ShutdownGrace = settings.Duration(ServerKeys.ShutdownGrace)!.Value,
            Broker = broker,
        };
        if (plan.Certificate is null && plan.Listen.Any(l => l.Scheme == "https"))
        {
            problems.Add($"{ServerKeys.Listen} has an https address; {ServerKeys.Certificate} has to name its certificate");
        }

        if (plan.Options.OpenToThisMachine && (!plan.Listen.All(IsLoopback) || plan.TrustedProxies.Count > 0 || plan.Options.PublicUrl is { IsLoopback: false }))
        {
            problems.Add($"{ServerKeys.AuthMode} none lets everybody on this machine do everything: {ServerKeys.Listen} and {ServerKeys.PublicUrl} must be on the loopback interface (http://127.0.0.1:8080), without {ServerKeys.TrustedProxies}");
        }

        problems.AddRange(plan.Options.Problems());
        return problems.Count == 0 ? plan : throw new SettingsException(problems);
    }

    private static bool IsLoopback(BindingAddress address) =>
        address.Host == "localhost" || (IPAddress.TryParse(address.Host.Trim('[', ']'), out var ip) && IPAddress.IsLoopback(ip));

    private static SourceOptions SourcesOf(EffectiveSettings settings) => new()
    {
        LocalFolders = settings.List(ServerKeys.LocalFolders),
        KnownHosts = settings.Text(ServerKeys.KnownHosts),
        CertificateAuthorities = settings.Text(ServerKeys.CertificateAuthorities),
        Timeout = settings.Duration(ServerKeys.SourceTimeout)!.Value,
        MaxSize = settings.Size(ServerKeys.SourceMaxSize)!.Value,
    };

    private static Uri? PublicUrlOf(EffectiveSettings settings, List<string> problems)
    {
        if (settings.Text(ServerKeys.PublicUrl) is not { } text)
        {
            return null;
        }

        if (Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url.Query.Length == 0 && url.UserInfo.Length == 0)
        {
            return url;
        }

        problems.Add($"{ServerKeys.PublicUrl}: '{text}' is no address such as https://ci.example.com");
        return null;
    }

    private static string? PostgreSql(EffectiveSettings settings, List<string> problems)
    {
        if (settings.Text(ServerKeys.DatabaseProvider) == "sqlite")
        {
            return null;
        }

        if (settings.Text(ServerKeys.DatabaseConnection) is { } connection)
        {
            return connection;
        }

        problems.Add($"{ServerKeys.DatabaseProvider} is postgresql; {ServerKeys.DatabaseConnection} has to say how to reach it");
        return null;
    }

    private static Uri? BrokerOf(EffectiveSettings settings, List<string> problems)
    {
        if (settings.Text(ServerKeys.BusTransport) == "inprocess")
        {
            return null;
        }

        // The text is not repeated: it holds a password.
        if (Uri.TryCreate(settings.Text(ServerKeys.BusRabbitUri), UriKind.Absolute, out var uri) && uri.Scheme is "amqp" or "amqps")
        {
            return uri;
        }

        problems.Add($"{ServerKeys.BusTransport} is rabbitmq; {ServerKeys.BusRabbitUri} has to be amqp://USER:PASSWORD@HOST:PORT/VHOST or amqps://...");
        return null;
    }

    /// <summary>Addresses to listen at.</summary>
    public static List<BindingAddress> Addresses(EffectiveSettings settings, string key, List<string> problems)
    {
        var addresses = new List<BindingAddress>();
        foreach (var text in settings.List(key))
        {
            try
            {
                var address = BindingAddress.Parse(text);
                if (address.Scheme is not ("http" or "https") || address.PathBase.Length > 0)
                {
                    throw new FormatException();
                }

                addresses.Add(address);
            }
            catch (FormatException)
            {
                // Reported with the other problems.
                problems.Add($"{key}: '{text}' is no address such as http://127.0.0.1:8080 or https://*:8443");
            }
        }

        if (addresses.Count == 0 && settings.List(key).Count == 0)
        {
            problems.Add($"{key} names no address");
        }

        return addresses;
    }

    private static List<IPAddress> Proxies(EffectiveSettings settings, List<string> problems)
    {
        var proxies = new List<IPAddress>();
        foreach (var text in settings.List(ServerKeys.TrustedProxies))
        {
            if (IPAddress.TryParse(text, out var address))
            {
                proxies.Add(address);
            }
            else
            {
                problems.Add($"{ServerKeys.TrustedProxies}: '{text}' is no address");
            }
        }

        return proxies;
    }

    private static PathString BasePathOf(EffectiveSettings settings, List<string> problems)
    {
        var text = settings.Text(ServerKeys.BasePath)?.TrimEnd('/') ?? "";
        if (text.Length == 0 || text[0] == '/')
        {
            return new PathString(text);
        }

        problems.Add($"{ServerKeys.BasePath} begins with a slash; it is '{text}'");
        return default;
    }
}
