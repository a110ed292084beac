using System.Net.Sockets;
using BuildRunner.Sandbox.Wire;
using Microsoft.Win32.SafeHandles;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>The record of a container's output (<see cref="RecordSpec"/>) as it comes from a waiter, which brings it to its end if this process is gone.</summary>
internal sealed class OutputRecord : IDisposable
{
    private readonly WaiterRecord request;
    private readonly SafeFileHandle spool;
    private readonly SpoolCipher? cipher;
    private readonly SpoolCount count;
    private readonly byte[] buffer = new byte[SpoolRecord.HeaderLength + SpoolRecord.MaximumLength];
    private long acknowledged;

    /// <summary>Begins it.</summary>
    public OutputRecord(RecordSpec spec)
    {
        request = new WaiterRecord(spec.MaxOutput, spec.Key?.ToArray() ?? []);
        cipher = SpoolCipher.Of(request.Key);
        count = new SpoolCount(spec.MaxOutput);
        spool = File.OpenHandle(RecordPaths.Spool(spec.Directory), FileMode.Create, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
    }

    /// <summary>What was stored, in payloads of messages.</summary>
    public long Taken { get; private set; }

    /// <summary>Gives the record's file to a waiter, which has no other way to it: the first message on its connection.</summary>
    public void GiveTo(Socket waiter) => DescriptorPassing.Send(waiter, request.Encode(), spool);

    /// <summary>Stores a piece of output. When this returns, nothing but the end of the machine takes it away.</summary>
    /// <returns>What to acknowledge, if it is time for that.</returns>
    /// <exception cref="IOException">The disk is full, or broken.</exception>
    public OutputTaken? Add(SpoolRecord record, ReadOnlySpan<byte> bytes)
    {
        var position = count.Position;
        var kept = count.Take(record.Stream, bytes.Length);
        if (kept > 0)
        {
            (record with { Length = kept }).WriteHeader(buffer);
            var hidden = buffer.AsSpan(SpoolRecord.HeaderLength, kept);
            bytes[..kept].CopyTo(hidden);
            cipher?.Apply(position, hidden);
            RandomAccess.Write(spool, buffer.AsSpan(0, SpoolRecord.HeaderLength + kept), position);
        }

        Taken += SpoolRecord.HeaderLength + bytes.Length;
        if (Taken - acknowledged < WaiterRecord.AcknowledgeAfter)
        {
            return null;
        }

        acknowledged = Taken;
        return new OutputTaken(Taken);
    }

    /// <summary>The container has ended, and all that it wrote is here.</summary>
    /// <returns>What to acknowledge: the waiter waits for it.</returns>
    public OutputTaken End(DateTimeOffset at)
    {
        var position = count.Position;
        RandomAccess.Write(spool, count.End((at - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond, cipher), position);
        return new OutputTaken(Taken);
    }

    public void Dispose() => spool.Dispose();
}
