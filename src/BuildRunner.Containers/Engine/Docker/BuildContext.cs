using System.Text;
using BuildRunner.Containers.Storage;
using BuildRunner.Containers.Storage.Archives;
using BuildRunner.Containers.Storage.Tar;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Writes the folder that a Dockerfile is built from into an archive, without what its <c>.dockerignore</c> leaves out. Links stay links.</summary>
internal sealed class BuildContext(TarOutput tar, ImageLimits limits, DockerIgnore ignore, string subject) : TreeArchive(tar, limits, subject)
{
    /// <inheritdoc/>
    protected override bool Complete(in TreeNode node, TarEntry entry)
    {
        // Whose files they are here is nobody's business there.
        (entry.User, entry.Group) = (0, 0);
        return (node.IsFile || node.IsDirectory || node.IsLink) && !ignore.LeavesOut(Encoding.UTF8.GetString(node.Path));
    }

    /// <inheritdoc/>
    protected override bool LooksInto(in TreeNode node) => ignore.HasExceptions;
}
