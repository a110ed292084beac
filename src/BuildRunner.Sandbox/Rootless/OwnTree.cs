using BuildRunner.Sandbox.Kernel;

namespace BuildRunner.Sandbox.Rootless;

/// <summary>A tree of the user's own that containers wrote to. Files of their other users have ids that the user could neither write to nor remove, once outside.</summary>
internal static class OwnTree
{
    /// <summary>Makes everything in a tree the user's again, following no link. What belongs to somebody else on the host stays as it is.</summary>
    public static void GiveBack(string directory)
    {
        var way = new Stack<string>([directory]);
        while (way.TryPop(out var at))
        {
            try
            {
                foreach (var path in Directory.EnumerateFileSystemEntries(at))
                {
                    var status = FileStatus.Of(path);
                    if (status is not { User: 0, Group: 0 })
                    {
                        _ = Libc.ChangeOwnerOfName(path, 0, 0);
                    }

                    if (status.IsDirectory)
                    {
                        way.Push(path);
                    }
                }
            }
            catch (Exception gone) when (gone is KernelException or IOException or UnauthorizedAccessException)
            {
                // Changed meanwhile by somebody on the host, or theirs: the rest is given back all the same.
                Console.Error.WriteLine(gone.Message);
            }
        }
    }
}
