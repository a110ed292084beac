using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using BuildRunner.Containers.Engine;
using BuildRunner.Core.Logs;

namespace BuildRunner.Agent.Steps;

/// <summary>The file to which a step writes its outputs: <c>KEY=value</c> lines.</summary>
/// <remarks>It is mounted as a file: whatever the step does, this path stays the file that was made here.</remarks>
internal sealed partial class OutputsFile : IDisposable
{
    /// <summary>A longer one is refused, and its step is in error.</summary>
    public const int MaxBytes = 256 * 1024;

    private readonly bool kept;

    private OutputsFile(string path, bool kept)
    {
        Path = path;
        this.kept = kept;
    }

    /// <summary>Where it is on this host.</summary>
    public string Path { get; }

    /// <summary>Makes an empty file that every user of a container can write, and that is deleted with the result.</summary>
    public static OutputsFile Create(string directory) => Make(System.IO.Path.Combine(directory, $"output-{Guid.NewGuid():N}"), kept: false);

    /// <summary>Makes such a file that stays, for an agent that comes back.</summary>
    public static OutputsFile CreateKept(string path) => Make(path, kept: true);

    /// <summary>The file that an attempt had whose agent was killed.</summary>
    public static OutputsFile OfEarlier(string path) => new(path, kept: true);

    /// <summary>Reads what the step wrote. Values that hold a secret are left out: outputs are stored and shown.</summary>
    /// <param name="masker">Knows the secrets.</param>
    /// <param name="problems">One sentence for each line that could not be used.</param>
    /// <exception cref="ContainerException">It is longer than <see cref="MaxBytes"/>: steps that count on an output must not run without it.</exception>
    public ImmutableDictionary<string, string> Read(Masker masker, List<string> problems)
    {
        using var file = File.OpenRead(Path);
        if (file.Length > MaxBytes)
        {
            throw new ContainerException(
                ContainerFailure.InvalidSpec,
                string.Create(CultureInfo.InvariantCulture, $"the file $CI_OUTPUT has {file.Length} bytes; {MaxBytes} are allowed. Hand on what is longer in a file of the workspace"));
        }

        using var reader = new StreamReader(file, Encoding.UTF8);
        var outputs = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        while (reader.ReadLine() is { } line)
        {
            var match = Line().Match(line);
            if (match.Success && !masker.Hides(match.Groups["value"].Value))
            {
                outputs[match.Groups["key"].Value] = match.Groups["value"].Value;
            }
            else if (match.Success)
            {
                problems.Add($"the output '{match.Groups["key"].Value}' is not used: its value holds a secret");
            }
            else if (line.Trim().Length > 0)
            {
                problems.Add($"a line of the outputs is not used: '{masker.Apply(line)}' is not KEY=value");
            }
        }

        return outputs.ToImmutable();
    }

    /// <summary>Deletes it, unless it is kept.</summary>
    public void Dispose()
    {
        if (!kept)
        {
            File.Delete(Path);
        }
    }

    private static OutputsFile Make(string path, bool kept)
    {
        using (File.Create(path))
        {
        }

        File.SetUnixFileMode(path, (UnixFileMode)0b110_110_110);
        return new OutputsFile(path, kept);
    }

    [GeneratedRegex(@"\A(?<key>[A-Za-z_][A-Za-z0-9_-]*)=(?<value>.*)\z", RegexOptions.ExplicitCapture | RegexOptions.Singleline)]
    private static partial Regex Line();
}
