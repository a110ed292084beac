using System.Diagnostics.Metrics;
using BuildRunner.Server.Telemetry;

namespace BuildRunner.Server.Tests;

/// <summary>Listens to one instrument of the server by one of its labels. Other tests of the process count too, so a count is a lower bound.</summary>
internal sealed class Counted : IDisposable
{
    private readonly MeterListener listener = new();
    private readonly Dictionary<string, long> counts = [];
    private readonly string instrument;
    private readonly string label;

    public Counted(string instrument, string label)
    {
        (this.instrument, this.label) = (instrument, label);
        listener.InstrumentPublished = (published, listening) =>
        {
            if (published.Meter.Name == ServerMeter.Name && published.Name == instrument)
            {
                listening.EnableMeasurementEvents(published);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, value, labels, _) => Add(value, labels));
        listener.Start();
    }

    /// <summary>Waits until at least so many were counted with a label's value: they are counted after what a test can see.</summary>
    public async Task AtLeastAsync(string value, long wanted)
    {
        for (var tries = 0; tries < 600 && Of(value) < wanted; tries++)
        {
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }

        Assert.True(Of(value) >= wanted, $"{instrument} with {label}={value} is {Of(value)}, not {wanted} or more");
    }

    public void Dispose() => listener.Dispose();

    private void Add(long value, ReadOnlySpan<KeyValuePair<string, object?>> labels)
    {
        foreach (var (name, text) in labels)
        {
            if (name == label)
            {
                lock (counts)
                {
                    counts[(string)text!] = counts.GetValueOrDefault((string)text!) + value;
                }
            }
        }
    }

    /// <summary>How many were counted so far.</summary>
    public long Of(string value)
    {
        lock (counts)
        {
            return counts.GetValueOrDefault(value);
        }
    }
}
