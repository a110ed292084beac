using System.Globalization;
using System.Security.Cryptography;
using BuildRunner.Agent.Work;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Storage;
using BuildRunner.Core.Planning;

namespace BuildRunner.Agent.Steps;

/// <summary>The folders in which engines keep output and end of a workflow's containers, and steps their outputs, for an agent that was killed and comes back.</summary>
/// <param name="Directory">Their parent; made when it is needed.</param>
/// <param name="MaxOutput">Bytes of output that are kept of each.</param>
/// <param name="Seal">Seals the key under which the output of each is kept, which lies beside it.</param>
internal sealed record ContainerRecords(string Directory, long MaxOutput, DiskSeal Seal)
{
    private const string OutputsName = "outputs", KeyName = "key";

    /// <summary>An empty folder for a container. What an earlier one of that step and attempt left is gone.</summary>
    internal RecordSpec Make(StepPlan step, int attempt)
    {
        var path = PathOf(step.Kind == StepKind.Service, step.Name, attempt);
        TreeRemoval.Remove(path);
        System.IO.Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var key = RandomNumberGenerator.GetBytes(RecordSpec.KeyLength);
        File.WriteAllBytes(Path.Combine(path, KeyName), Seal.Seal(key));
        return new RecordSpec(path, MaxOutput) { Key = key };
    }

    /// <summary>The key of what is kept in a container's folder; null: it is gone with the machine's last run, and nobody can read it.</summary>
    internal byte[]? KeyOf(string path) => Seal.OpenFile(Path.Combine(path, KeyName));

    /// <summary>The folder of a container.</summary>
    internal string PathOf(bool service, string name, int attempt)
    {
        var safe = Convert.ToHexStringLower(System.Text.Encoding.UTF8.GetBytes(name));
        return Path.Combine(Directory, string.Create(CultureInfo.InvariantCulture, $"{(service ? "service" : "step")}-{attempt}-{(safe.Length > 120 ? Shortened(name) : safe)}"));
    }

    /// <summary>The outputs file of an attempt.</summary>
    internal string OutputsOf(string name, int attempt) => Path.Combine(PathOf(service: false, name, attempt), OutputsName);

    /// <summary>The name of a step or service by its container's folder; empty if it is too long to be told.</summary>
    internal static string NameOf(string path)
    {
        var coded = Path.GetFileName(path).Split('-')[^1];
        return coded.Length <= 120 && coded.Length % 2 == 0 ? System.Text.Encoding.UTF8.GetString(Convert.FromHexString(coded)) : "";
    }

    private static string Shortened(string name) => Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(name)));
}
