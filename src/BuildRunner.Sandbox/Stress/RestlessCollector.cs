#if RESTLESS
namespace BuildRunner.Sandbox.Stress;

/// <summary>Threads that make garbage, and one that has it collected, most of the time and without end: only in a helper that tests build for themselves (<c>-p:Restless=true</c>).</summary>
internal static class RestlessCollector
{
    /// <summary>There are some ten helpers at once where a few containers are made, so each leaves the others some time.</summary>
    private const int Makers = 2, PauseMilliseconds = 1;

    private static volatile byte[] _last = [];

    public static void Start()
    {
        for (var i = 0; i < Makers; i++)
        {
            new Thread(Litter, maxStackSize: 256 * 1024) { IsBackground = true }.Start();
        }

        new Thread(Collect, maxStackSize: 256 * 1024) { IsBackground = true }.Start();
    }

    private static void Litter()
    {
        while (true)
        {
            for (var i = 0; i < 64; i++)
            {
                _last = new byte[4096];
            }

            Thread.Sleep(PauseMilliseconds);
        }
    }

    private static void Collect()
    {
        while (true)
        {
            for (var i = 0; i < 8; i++)
            {
                GC.Collect();
            }

            Thread.Sleep(PauseMilliseconds);
        }
    }
}
#endif
