using BuildRunner.Containers.Engine;
using BuildRunner.Core.Logs;

namespace BuildRunner.Agent.Output;

/// <summary>The log of one attempt of a step, or of a service: what the container writes, and what BuildRunner says about it. Secrets are masked in it.</summary>
public interface IStepLog : IOutputSink, IDisposable
{
    /// <summary>Says something about the attempt, as BuildRunner.</summary>
    ValueTask SayAsync(string message, CancellationToken cancellationToken);

    /// <summary>Hands on what was begun and has no line feed: the container has ended.</summary>
    ValueTask EndAsync(CancellationToken cancellationToken);
}

/// <summary>Makes the log of an attempt or service.</summary>
/// <param name="workflow">The workflow's name.</param>
/// <param name="step">The step's or service's name.</param>
/// <param name="attempt">From 1.</param>
/// <param name="masker">What has to be hidden.</param>
public delegate IStepLog NewStepLog(string workflow, string step, int attempt, Masker masker);
