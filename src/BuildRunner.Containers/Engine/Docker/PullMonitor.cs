using BuildRunner.Containers.Images;
using Docker.DotNet.Models;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Adds up what the engine says about a pull's layers, and keeps the error that ends it.</summary>
internal sealed class PullMonitor(IProgress<PullProgress>? progress) : IProgress<JSONMessage>
{
    private readonly Dictionary<string, Layer> layers = new(StringComparer.Ordinal);

    /// <summary>The engine's words about why it gave up; null while it has not.</summary>
    public string? Error { get; private set; }

    public void Report(JSONMessage value)
    {
        if (value.Error is { } error)
        {
            Error = error.Message;
            return;
        }

        if (value.ID is not { } id || value.Status is not { } status || !Advance(id, status, value.Progress))
        {
            return;
        }

        Tell();
    }

    /// <summary>The pull has succeeded: every layer is there, whatever the engine said of it. Podman tells only how they come.</summary>
    public void Complete()
    {
        foreach (var (id, layer) in layers.ToList())
        {
            layers[id] = layer with { Bytes = layer.Total, Done = true };
        }

        Tell();
    }

    private void Tell()
    {
        progress?.Report(new PullProgress(
            PullPhase.Loading,
            layers.Count,
            layers.Values.Count(l => l.Done),
            layers.Values.Sum(l => l.Bytes),
            layers.Values.Sum(l => l.Total)));
    }

    private bool Advance(string id, string status, JSONProgress? done)
    {
        var layer = layers.GetValueOrDefault(id);
        switch (status)
        {
            case "Pulling fs layer" or "Waiting":
                layers[id] = layer;
                return true;
            case "Downloading" when done is { Current: { } bytes }:
                layers[id] = layer with { Bytes = bytes, Total = Math.Max(done.Total ?? 0, bytes) };
                return true;
            case "Download complete" or "Extracting" or "Verifying Checksum":
                layers[id] = layer with { Bytes = layer.Total };
                return true;
            case "Pull complete" or "Already exists":
                layers[id] = layer with { Bytes = layer.Total, Done = true };
                return true;
            default:
                // "Pulling from library/alpine" has the tag for an id.
                return false;
        }
    }

    private readonly record struct Layer(long Bytes, long Total, bool Done);
}
