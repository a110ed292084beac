using BuildRunner.Containers.Images;

namespace BuildRunner.Containers.Storage;

/// <summary>What references mean, as the store knows it.</summary>
internal sealed class ImageRecords(StoreLayout layout, TimeProvider time)
{
    /// <summary>The notes of a reference; null if the store does not know it.</summary>
    /// <remarks>By digest it also finds what was pulled by a tag of the same repository.</remarks>
    public ImageNotes? Find(ImageReference reference)
    {
        if (StoreJson.Read(layout.Image(reference.ToString()), StoreJson.Default.ImageNotes) is { } notes)
        {
            return notes;
        }

        return reference.Digest is { } digest
            ? List().FirstOrDefault(n => (n.Manifest == digest.ToString() || n.Index == digest.ToString()) && IsOf(n.Name, reference.Location))
            : null;
    }

    /// <summary>All notes.</summary>
    public IReadOnlyList<ImageNotes> List() =>
        [.. Directory.EnumerateFiles(layout.Images, "*.json").Select(file => StoreJson.Read(file, StoreJson.Default.ImageNotes)).OfType<ImageNotes>()];

    /// <summary>Sets what a reference means.</summary>
    public void Save(ImageNotes notes) => StoreJson.Write(layout.Image(notes.Name), notes, StoreJson.Default.ImageNotes);

    /// <summary>Forgets a reference. True if it was known.</summary>
    public bool Delete(string name)
    {
        var path = layout.Image(name);
        var known = File.Exists(path);
        File.Delete(path);
        return known;
    }

    /// <summary>Notes that an image was used now.</summary>
    public void Touch(ImageNotes notes)
    {
        try
        {
            File.SetLastWriteTimeUtc(layout.Image(notes.Name), time.GetUtcNow().UtcDateTime);
        }
        catch (FileNotFoundException)
        {
            // Removed just now by somebody else; whoever uses it finds out by its lease.
        }
    }

    /// <summary>When an image was used last.</summary>
    public DateTimeOffset LastUse(ImageNotes notes) => File.GetLastWriteTimeUtc(layout.Image(notes.Name));

    private static bool IsOf(string name, string location) =>
        ImageReference.TryParse(name, null, out var reference, out _) && reference.Location == location;
}
