using BuildRunner.Containers.Images;

namespace BuildRunner.Containers.Storage;

/// <summary>The layers that are unpacked.</summary>
internal sealed class LayerStore(StoreLayout layout)
{
    private static readonly string Boot = ReadBoot();

    /// <summary>The notes of a layer that can be used; null if there is none, or it may be torn.</summary>
    /// <remarks>A layer is used before it is on the disk, in the boot that wrote it: only a power cut could tear it, and that ends the boot.</remarks>
    public LayerNotes? Find(Digest diffId)
    {
        var notes = StoreJson.Read(NotesOf(diffId), StoreJson.Default.LayerNotes);
        return notes is not null && (notes.Durable || (notes.Boot == Boot && Boot.Length > 0)) ? notes : null;
    }

    /// <summary>Makes an empty folder in which a layer can be unpacked. The caller holds the layer's lock.</summary>
    public string Begin(Digest diffId)
    {
        // What a process left behind that was killed here.
        foreach (var left in Directory.EnumerateDirectories(layout.Temporary, $"layer-{diffId.Hex}.*"))
        {
            TreeRemoval.Remove(left);
        }

        var folder = Path.Combine(layout.Temporary, $"layer-{diffId.Hex}.{Guid.NewGuid():N}");
        Directory.CreateDirectory(folder);
        Directory.CreateDirectory(Path.Combine(folder, "tree"));
        return folder;
    }

    /// <summary>Makes an unpacked layer visible, all at once. The caller holds the layer's lock.</summary>
    public void Publish(Digest diffId, string folder, LayerNotes notes)
    {
        StoreJson.Write(Path.Combine(folder, "layer.json"), notes with { Boot = Boot, Durable = false }, StoreJson.Default.LayerNotes);
        if (Directory.Exists(layout.Layer(diffId)))
        {
            TreeRemoval.Remove(layout.Layer(diffId));
        }

        Directory.Move(folder, layout.Layer(diffId));
    }

    /// <summary>Replaces the notes of a layer. The caller holds the layer's lock.</summary>
    public void Write(Digest diffId, LayerNotes notes) => StoreJson.Write(NotesOf(diffId), notes, StoreJson.Default.LayerNotes);

    /// <summary>Writes everything to the disk, then notes that these layers are there.</summary>
    public void MakeDurable(IEnumerable<Digest> diffIds)
    {
        var torn = diffIds.Where(diffId => Find(diffId) is { Durable: false }).ToList();
        if (torn.Count == 0)
        {
            return;
        }

        using var folder = File.OpenHandle(NotesOf(torn[0]));
        if (Libc.SynchronizeFileSystem((int)folder.DangerousGetHandle()) != 0)
        {
            return;
        }

        foreach (var diffId in torn)
        {
            if (StoreLock.TryAcquire(layout.Lock("layer", diffId), shared: false) is { } held)
            {
                using (held)
                {
                    if (Find(diffId) is { Durable: false } notes)
                    {
                        Write(diffId, notes with { Durable = true });
                    }
                }
            }
        }
    }

    private string NotesOf(Digest diffId) => Path.Combine(layout.Layer(diffId), "layer.json");

    private static string ReadBoot()
    {
        const string Source = "/proc/sys/kernel/random/boot_id";
        return File.Exists(Source) ? File.ReadAllText(Source).Trim() : "";
    }
}
