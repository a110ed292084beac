using BuildRunner.Containers.Images;

namespace BuildRunner.Containers.Storage;

/// <summary>Adds up how far a pull is, and reports it: at each layer, and about every MiB.</summary>
internal sealed class PullCounter(IProgress<PullProgress>? progress)
{
    private const long Step = 1 << 20;

    private readonly Lock _lock = new();
    private int _layers;
    private int _layersDone;
    private long _bytes;
    private long _total;
    private long _reported;

    public void Resolving() => progress?.Report(new PullProgress(PullPhase.Resolving, 0, 0, 0, 0));

    public void Start(int layers, long total)
    {
        lock (_lock)
        {
            (_layers, _total) = (layers, total);
            Report(PullPhase.Loading);
        }
    }

    public void Received(int bytes)
    {
        lock (_lock)
        {
            _bytes += bytes;
            if (_bytes - _reported >= Step)
            {
                _reported = _bytes;
                Report(PullPhase.Loading);
            }
        }
    }

    public void LayerDone()
    {
        lock (_lock)
        {
            _layersDone++;
            Report(PullPhase.Loading);
        }
    }

    public void Done()
    {
        lock (_lock)
        {
            _layersDone = _layers;
            Report(PullPhase.Done);
        }
    }

    private void Report(PullPhase phase) => progress?.Report(new PullProgress(phase, _layers, _layersDone, _bytes, _total));
}
