namespace BuildRunner.Server.Webhooks;

/// <summary>How much memory all bodies together may take whose signatures are not verified yet: anybody can send such, and many at once.</summary>
/// <param name="bytes">How much.</param>
internal sealed class BodyBudget(long bytes)
{
    /// <summary>What a server uses.</summary>
    public const long Usual = 128L * 1024 * 1024;

    private long left = bytes;

    /// <summary>Takes nothing yet; what is taken goes back when it is disposed.</summary>
    public Share Begin() => new(this);

    /// <summary>What one body has.</summary>
    internal sealed class Share(BodyBudget budget) : IDisposable
    {
        private long taken;

        /// <summary>True: there was nothing left.</summary>
        public bool IsSpent { get; private set; }

        /// <summary>Takes room for more bytes.</summary>
        /// <returns>False: there is none now.</returns>
        public bool TryGrow(int count)
        {
            if (Interlocked.Add(ref budget.left, -count) < 0)
            {
                Interlocked.Add(ref budget.left, count);
                IsSpent = true;
                return false;
            }

            taken += count;
            return true;
        }

        public void Dispose()
        {
            Interlocked.Add(ref budget.left, taken);
            taken = 0;
        }
    }
}
