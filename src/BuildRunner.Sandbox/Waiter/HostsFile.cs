using System.Text;
using BuildRunner.Sandbox.Kernel;

namespace BuildRunner.Sandbox.Waiter;

/// <summary>Our lines in <c>/etc/hosts</c>, which the engine wrote and the command may change.</summary>
internal sealed class HostsFile
{
    private const string Path = "/etc/hosts", ServersPath = "/etc/resolv.conf";
    private readonly string? _hosts = Files.TryRead(Path);
    private readonly string? _servers = Files.TryRead(ServersPath);
    private IReadOnlyList<string> _ours = [];

    /// <summary>Makes hosts and name servers what they were when this process began: a container that had the connection shared both files, and may have changed them.</summary>
    public void Restore()
    {
        _ours = [];
        _ = Overwrite(Path, _hosts ?? "");
        _ = Overwrite(ServersPath, _servers ?? "");
    }

    /// <summary>Takes out the lines that were put in before, and puts these in.</summary>
    public void Replace(IReadOnlyList<string> lines)
    {
        if (lines.SequenceEqual(_ours))
        {
            return;
        }

        var others = (Files.TryRead(Path) ?? "").Split('\n').Where(line => line.Length > 0 && !_ours.Contains(line));
        var text = string.Concat(others.Concat(lines).Select(line => line + "\n"));
        if (Overwrite(Path, text))
        {
            _ours = lines;
        }
    }

    /// <summary>Replaces the content of a file that the engine mounted; false if it keeps the file to itself, and its own name service answers.</summary>
    public static bool Overwrite(string path, string text)
    {
        var number = Libc.Open(path, Constants.WriteOnly | Constants.Truncate | Constants.CloseOnExec, 0);
        if (number < 0)
        {
            return false;
        }

        using var file = new Descriptor(number);
        return file.Write(Encoding.UTF8.GetBytes(text));
    }
}
