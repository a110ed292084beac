using System.Text;
using BuildRunner.Sandbox.Kernel;

namespace BuildRunner.Sandbox.Waiter;

/// <summary>Our lines in <c>/etc/hosts</c>, which the engine wrote and the command may change.</summary>
internal sealed class HostsFile
{
    private const string Path = "/etc/hosts";
    private IReadOnlyList<string> _ours = [];

    /// <summary>Takes out the lines that were put in before, and puts these in.</summary>
    public void Replace(IReadOnlyList<string> lines)
    {
        if (lines.SequenceEqual(_ours))
        {
            return;
        }

        var others = (Files.TryRead(Path) ?? "").Split('\n').Where(line => line.Length > 0 && !_ours.Contains(line));
        var text = string.Concat(others.Concat(lines).Select(line => line + "\n"));
        var file = Libc.Open(Path, Constants.WriteOnly | Constants.Truncate | Constants.CloseOnExec, 0);
        if (file < 0)
        {
            // An engine may keep the file to itself; its own name service answers then.
            return;
        }

        using var hosts = new Descriptor(file);
        _ = hosts.Write(Encoding.UTF8.GetBytes(text));
        _ours = lines;
    }
}
