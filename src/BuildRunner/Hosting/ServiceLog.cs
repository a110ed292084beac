using System.Globalization;
using BuildRunner.Cli;
using BuildRunner.Settings;
using Serilog;
using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting;
using Serilog.Formatting.Compact;
using Serilog.Formatting.Display;

namespace BuildRunner.Hosting;

/// <summary>What a service says of itself, on standard error: text for a person, JSON for everything else, and never both. What steps print never goes here.</summary>
internal static class ServiceLog
{
    private const string Template = "{Timestamp:HH:mm:ss.fff} {Level:u3} {Message:lj}{NewLine}{Exception}";

    private const string StartFailed = "Hosting failed to start";

    // Libraries say little unless somebody looks for something.
    private static readonly string[] Libraries = ["Microsoft", "System", "MassTransit", "Hangfire", "RabbitMQ", "BuildRunner.Server.Access"];

    /// <summary>Whether a person reads it: as the setting says, otherwise on a terminal.</summary>
    public static bool IsText(EffectiveSettings settings, CliHost host) => (settings.Text(ServerKeys.LoggingFormat) ?? (host.Terminal.ErrorIsTerminal ? "text" : "json")) == "text";

    /// <summary>Makes the logger.</summary>
    public static Logger Create(EffectiveSettings settings, CliHost host) => Create(settings, host, IsText(settings, host));

    /// <summary>Makes the logger.</summary>
    /// <param name="settings">How much it tells.</param>
    /// <param name="host">The process.</param>
    /// <param name="text">Whether a person reads it.</param>
    public static Logger Create(EffectiveSettings settings, CliHost host, bool text)
    {
        var level = settings.Required(ServerKeys.LoggingLevel) switch
        {
            "trace" => LogEventLevel.Verbose,
            var word => Enum.Parse<LogEventLevel>(word, ignoreCase: true),
        };
        ITextFormatter formatter = text ? new MessageTemplateTextFormatter(Template) : new RenderedCompactJsonFormatter();
        ILogEventSink stream = new StreamSink(host.Error, formatter);
        var configuration = new LoggerConfiguration().MinimumLevel.Is(level).Enrich.FromLogContext().WriteTo.Sink(level > LogEventLevel.Debug ? new BriefSink(stream) : stream);

        // Whoever starts it says so once, in a sentence.
        configuration.Filter.ByExcluding(e => e.MessageTemplate.Text == StartFailed);
        foreach (var library in Libraries)
        {
            configuration.MinimumLevel.Override(library, level <= LogEventLevel.Debug ? LogEventLevel.Information : LogEventLevel.Warning);
        }

        // A page with a form is not kept by browsers, which is stricter than what we say of every page. That it is made so is told at each one.
        if (level > LogEventLevel.Debug)
        {
            configuration.MinimumLevel.Override("Microsoft.AspNetCore.Antiforgery", LogEventLevel.Error);
        }

        return configuration.CreateLogger();
    }

    /// <summary>Keeps libraries short: what they say of what is away is a line, and said once for a while.</summary>
    private sealed class BriefSink(ILogEventSink written) : ILogEventSink
    {
        private readonly Repeats repeats = new();

        public void Emit(LogEvent logEvent)
        {
            var brief = HangfireAway.Shorten(logEvent);
            if (!repeats.Has(brief))
            {
                written.Emit(brief);
            }
        }
    }

    /// <summary>What libraries say over and over while something is away, each time with where in them it happened. Once in a quarter of an hour is enough; what of it matters we say ourselves.</summary>
    private sealed class Repeats
    {
        private const int MostKept = 200;
        private static readonly TimeSpan Between = TimeSpan.FromMinutes(15);
        private readonly Lock gate = new();
        private readonly Dictionary<string, DateTimeOffset> said = new(StringComparer.Ordinal);

        public bool Has(LogEvent logEvent)
        {
            if (!logEvent.Properties.TryGetValue(Constants.SourceContextPropertyName, out var source)
                || source is not ScalarValue { Value: string context } || !Libraries.Any(l => context.StartsWith(l, StringComparison.Ordinal)))
            {
                return false;
            }

            var text = HangfireAway.TroubleOf(logEvent) ?? logEvent.RenderMessage(CultureInfo.InvariantCulture);
            lock (gate)
            {
                if (said.TryGetValue(text, out var at) && logEvent.Timestamp - at < Between)
                {
                    return true;
                }

                if (said.Count == MostKept)
                {
                    said.Clear();
                }

                said[text] = logEvent.Timestamp;
                return false;
            }
        }
    }

    /// <summary>Writes each event whole.</summary>
    private sealed class StreamSink(Stream stream, ITextFormatter formatter) : ILogEventSink
    {
        private readonly Lock gate = new();

        public void Emit(LogEvent logEvent)
        {
            using var text = new StringWriter();
            formatter.Format(logEvent, text);
            var bytes = System.Text.Encoding.UTF8.GetBytes(text.ToString());
            lock (gate)
            {
                stream.Write(bytes);
                stream.Flush();
            }
        }
    }
}
