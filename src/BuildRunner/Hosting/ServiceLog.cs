using BuildRunner.Cli;
using BuildRunner.Settings;
using Serilog;
using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting;
using Serilog.Formatting.Compact;
using Serilog.Formatting.Display;

namespace BuildRunner.Hosting;

/// <summary>What a service says of itself, on standard error: text for a person, JSON for everything else. What steps print never goes here.</summary>
internal static class ServiceLog
{
    private const string Template = "{Timestamp:HH:mm:ss.fff} {Level:u3} {Message:lj}{NewLine}{Exception}";

    private const string StartFailed = "Hosting failed to start";

    // Libraries say little unless somebody looks for something.
    private static readonly string[] Libraries = ["Microsoft", "System", "MassTransit", "Hangfire", "RabbitMQ", "BuildRunner.Server.Access"];

    /// <summary>Makes the logger.</summary>
    public static Logger Create(EffectiveSettings settings, CliHost host)
    {
        var level = settings.Required(ServerKeys.LoggingLevel) switch
        {
            "trace" => LogEventLevel.Verbose,
            var word => Enum.Parse<LogEventLevel>(word, ignoreCase: true),
        };
        var json = (settings.Text(ServerKeys.LoggingFormat) ?? (host.Terminal.ErrorIsTerminal ? "text" : "json")) == "json";
        ITextFormatter formatter = json ? new RenderedCompactJsonFormatter() : new MessageTemplateTextFormatter(Template);
        var configuration = new LoggerConfiguration().MinimumLevel.Is(level).Enrich.FromLogContext().WriteTo.Sink(new StreamSink(host.Error, formatter));

        // Whoever starts it says so once, in a sentence.
        configuration.Filter.ByExcluding(e => e.MessageTemplate.Text == StartFailed);
        foreach (var library in Libraries)
        {
            configuration.MinimumLevel.Override(library, level <= LogEventLevel.Debug ? LogEventLevel.Information : LogEventLevel.Warning);
        }

        return configuration.CreateLogger();
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
