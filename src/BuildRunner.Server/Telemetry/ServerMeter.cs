using System.Diagnostics;
using System.Diagnostics.Metrics;
using BuildRunner.Core.AgentContract;
using BuildRunner.Server.Agents;

namespace BuildRunner.Server.Telemetry;

/// <summary>The server's instruments. Names of OpenTelemetry's conventions for CI/CD where there are such; no repository and no step is a label, because there may be thousands.</summary>
public static class ServerMeter
{
    /// <summary>The name of meter and trace source.</summary>
    public const string Name = "BuildRunner";

    /// <summary>Spans of runs and steps.</summary>
    public static readonly ActivitySource Source = new(Name, AgentVersions.Server.ToString(3));

    internal static readonly Meter Meter = new(Name, AgentVersions.Server.ToString(3));

    // From a twentieth of a second to an hour.
    private static readonly InstrumentAdvice<double> Seconds = new() { HistogramBucketBoundaries = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600] };

    internal static readonly Histogram<double> RunDuration =
        Meter.CreateHistogram("cicd.pipeline.run.duration", "s", "Duration of a run by state (pending, executing) and result", tags: null, Seconds);

    internal static readonly Counter<long> RunErrors = Meter.CreateCounter<long>("cicd.pipeline.run.errors", "{error}", "Runs that ended in an error or were lost");

    internal static readonly Counter<long> SystemErrors = Meter.CreateCounter<long>("cicd.system.errors", "{error}", "Errors of the system by component");

    internal static readonly Histogram<double> StepPhase =
        Meter.CreateHistogram("buildrunner.step.phase.duration", "s", "Where the time of an attempt went: queue, claim, pull, create, run, drain; of its workflow: cleanup", tags: null, Seconds);

    // From a hundredth of a second to a minute.
    internal static readonly Histogram<double> LogLag = Meter.CreateHistogram(
        "buildrunner.log.lag", "s", "From a step's output until it is stored here and can be followed", tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 10, 60] });

    internal static readonly Counter<long> StepLost = Meter.CreateCounter<long>("buildrunner.step.lost", "{attempt}", "Attempts that may or may not have run");

    internal static readonly Counter<long> StepRequeued = Meter.CreateCounter<long>("buildrunner.step.requeued", "{work}", "Pieces of work that came back without having been started");

    internal static readonly Counter<long> LogBytes = Meter.CreateCounter<long>("buildrunner.log.bytes", "By", "Bytes of logs that were stored");

    internal static readonly Counter<long> PullBytes = Meter.CreateCounter<long>("buildrunner.image.pull.bytes", "By", "Bytes of images that registries sent to agents");

    internal static readonly Counter<long> CacheHits = Meter.CreateCounter<long>("buildrunner.image.cache.hits", "{image}", "Images of steps and services that were on their agent already");

    internal static readonly Counter<long> Ahead = Meter.CreateCounter<long>(
        "buildrunner.container.ahead", "{workflow}", "Workflows by result: hit, the first step got the container that its agent had made ahead; miss, it had to be made for the workflow though one was ready or no other workflow was there");

    internal static readonly Counter<long> Deliveries =
        Meter.CreateCounter<long>("buildrunner.webhook.deliveries", "{delivery}", "Deliveries by verdict: refused, repeated, run, no_run, later, failed");

    internal static readonly Counter<long> ScheduleFires = Meter.CreateCounter<long>("buildrunner.schedule.fires", "{occurrence}", "Occurrences of schedules by outcome: run, skipped, later, failed");

    internal static readonly Counter<long> GitHubRequests =
        Meter.CreateCounter<long>("buildrunner.github.requests", "{request}", "Requests to GitHub by the status of their answer; none: there was no answer");

    internal static readonly Gauge<long> GitHubLeft =
        Meter.CreateGauge<long>("buildrunner.github.ratelimit.remaining", "{request}", "Requests that GitHub still allows in this hour, by its last answer for each kind of request");

    /// <summary>A gauge of the process that hosts the server.</summary>
    public static Instrument Gauge<T>(string name, string unit, string description, Func<IEnumerable<Measurement<T>>> observe)
        where T : struct => Meter.CreateObservableGauge(name, observe, unit, description);

    /// <summary>Where time went that belongs to no result.</summary>
    internal static void Phase(string phase, TimeSpan time) => StepPhase.Record(time.TotalSeconds, new TagList { { "phase", phase } });

    /// <summary>Counts a delivery.</summary>
    internal static void Delivery(string verdict) => Deliveries.Add(1, new KeyValuePair<string, object?>("verdict", verdict));

    /// <summary>Counts an occurrence of a schedule.</summary>
    internal static void Fire(string outcome) => ScheduleFires.Add(1, new KeyValuePair<string, object?>("outcome", outcome));

    /// <summary>Counts what an agent says of its images. It is believed as far as it cannot count backwards.</summary>
    internal static void Pulls(ImagePulls? pulls)
    {
        if (pulls is { Bytes: >= 0, Hits: >= 0 })
        {
            PullBytes.Add(pulls.Bytes);
            CacheHits.Add(pulls.Hits);
        }
    }

    /// <summary>Counts what an agent says of what it makes ahead; believed as far as its images are.</summary>
    internal static void MadeAhead(AheadUse? use)
    {
        if (use is { Hits: >= 0, Misses: >= 0 })
        {
            Ahead.Add(use.Hits, new KeyValuePair<string, object?>("result", "hit"));
            Ahead.Add(use.Misses, new KeyValuePair<string, object?>("result", "miss"));
        }
    }

    /// <summary>The convention's word for an outcome.</summary>
    internal static string Result(string outcome) => outcome switch
    {
        "success" => "success",
        "failure" => "failure",
        "timed_out" => "timeout",
        "cancelled" => "cancellation",
        "skipped" => "skip",
        _ => "error",
    };
}
