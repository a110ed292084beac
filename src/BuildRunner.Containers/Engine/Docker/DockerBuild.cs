using System.Net;
using System.Text;
using System.Text.Json;
using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;
using BuildRunner.Containers.Storage;
using BuildRunner.Containers.Storage.Archives;
using BuildRunner.Containers.Storage.Tar;
using Microsoft.Win32.SafeHandles;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Builds one image by the engine's own builder: BuildKit in Docker, Buildah in Podman. The engine keeps what it built for the next time.</summary>
/// <remarks>
/// 1. Read the Dockerfile and the folder, write both into an archive without a name.
/// 2. Pull the images that it begins from and that want a login: the builder has no way to ask for ours.
/// 3. Send the archive, and pass on what the builder prints.
/// 4. Find out what it built.
/// </remarks>
internal sealed class DockerBuild(
    DockerConnection connection, Func<ImageReference, CancellationToken, Task<RegistryCredentials?>> credentials, ImageBuild build, Action<string>? output)
{
    private const string DefaultFile = "Dockerfile";
    private const int LargestFile = 1 << 20;

    private readonly ImageLimits _limits = new();
    private readonly BuildOutput _lines = new(output);

    /// <summary>Builds it.</summary>
    /// <exception cref="ContainerException">A file is missing, a command in it failed, or the engine cannot.</exception>
    public async Task<ResolvedImage> RunAsync(CancellationToken cancellationToken)
    {
        if (build.Name is { } name && (name.Transport != ImageTransport.Docker || name.Digest is not null))
        {
            throw new ContainerException(ContainerFailure.InvalidImage, $"'{name}' cannot be the name of a built image: it must be what docker pull takes, without a digest.");
        }

        var isPodman = await connection.IsPodman;
        var (file, content) = ReadFile();
        using var context = await Task.Run(() => WriteContext(file, content, cancellationToken), cancellationToken);
        if (!isPodman)
        {
            await PullBasesAsync(content, cancellationToken);
        }

        await SendAsync(context, Query(file.Name, isPodman), isPodman, content, cancellationToken);
        return await FindAsync(cancellationToken);
    }

    private async Task SendAsync(SafeFileHandle context, string query, bool isPodman, string dockerfile, CancellationToken cancellationToken)
    {
        using var http = connection.Endpoint.CreateHttpClient();
        using var archive = BlobContent.Within(context, 0, RandomAccess.GetLength(context));
        using var request = new HttpRequestMessage(HttpMethod.Post, "build?" + query) { Content = new StreamContent(archive.ToStream(), 256 * 1024) };
        request.Content.Headers.ContentType = new("application/x-tar");
        if (isPodman && await LoginsAsync(dockerfile, cancellationToken) is { } logins)
        {
            request.Headers.TryAddWithoutValidation("X-Registry-Config", logins);
        }

        using var answer = await connection.CallAsync(
            $"the build of '{build.DisplayName}'", _ => http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken));
        if (answer.StatusCode != HttpStatusCode.OK)
        {
            throw Failure(await answer.Content.ReadAsStringAsync(cancellationToken));
        }

        await connection.CallAsync($"the build of '{build.DisplayName}'", async _ =>
        {
            await using var stream = await answer.Content.ReadAsStreamAsync(cancellationToken);
            await _lines.ReadAsync(stream, cancellationToken);
        });
        if (_lines.Error is { } error)
        {
            throw Failure(error);
        }
    }

    private async Task<ResolvedImage> FindAsync(CancellationToken cancellationToken)
    {
        var called = _lines.ImageId ?? (build.Name is { } name ? DockerImages.NameOf(name) : null)
            ?? throw Failure("the builder did not say what it built");
        var found = await DockerImages.FindAsync(connection.Endpoint, connection.Client, called, cancellationToken)
            ?? throw Failure($"the builder made {called}, and the engine does not have it");
        var reference = build.Name ?? Untagged(found.ID);
        return DockerImages.Describe(reference, found);
    }

    // An image without a name is called by its id, as docker does.
    private static ImageReference Untagged(string id)
    {
        var hex = id[(id.IndexOf(':') + 1)..];
        _ = ImageReference.TryParse("localhost/built:" + hex[..Math.Min(12, hex.Length)], null, out var reference, out _);
        return reference!;
    }

    private string Query(string file, bool isPodman)
    {
        var values = new List<(string Name, string Value)> { ("dockerfile", file), ("rm", "1"), ("forcerm", "1") };
        // BuildKit in Docker; in Podman, the use of what was built before.
        values.Add(isPodman ? ("layers", "1") : ("version", "2"));

        if (build.Name is { } name)
        {
            values.Add(("t", DockerImages.NameOf(name)));
        }

        if (build.Target is { } target)
        {
            values.Add(("target", target));
        }

        if (build.Arguments.Count > 0)
        {
            values.Add(("buildargs", JsonSerializer.Serialize(new Dictionary<string, string>(build.Arguments), DockerBuildJson.Default.DictionaryStringString)));
        }

        if (build.NoCache)
        {
            values.Add(("nocache", "1"));
        }

        if (build.Pull)
        {
            values.Add(("pull", "1"));
        }

        return string.Join('&', values.Select(value => $"{value.Name}={Uri.EscapeDataString(value.Value)}"));
    }

    private ((string Name, string? Path) File, string Content) ReadFile()
    {
        var directory = build.Directory;
        if (!Directory.Exists(directory))
        {
            throw new ContainerException(ContainerFailure.InvalidSpec, $"There is no folder {directory} to build an image from.");
        }

        var path = Path.GetFullPath(build.File ?? DefaultFile, directory);
        if (!File.Exists(path))
        {
            throw new ContainerException(ContainerFailure.InvalidSpec, $"There is no Dockerfile {path}. Name another one with -f, or in a pipeline with 'file:'.");
        }

        if (build.Within is { } within && (!IsBelow(RealPath.Of(directory), RealPath.Of(within)) || !IsBelow(RealPath.Of(path), RealPath.Of(within))))
        {
            throw new ContainerException(ContainerFailure.InvalidSpec, $"The folder {directory} or its Dockerfile lies outside of the workspace {within}, by a link or by its path; only what is in the workspace is built.");
        }

        using var content = File.OpenRead(path);
        if (content.Length > LargestFile)
        {
            throw new ContainerException(ContainerFailure.InvalidSpec, $"The Dockerfile {path} has {content.Length} bytes; at most {LargestFile} are allowed.");
        }

        using var reader = new StreamReader(content, Encoding.UTF8);
        var relative = Path.GetRelativePath(directory, path);
        var isInside = !relative.StartsWith("..", StringComparison.Ordinal) && !Path.IsPathRooted(relative);
        return ((isInside ? relative : $".buildrunner-{Guid.NewGuid():N}", isInside ? null : path), reader.ReadToEnd());
    }

    private SafeFileHandle WriteContext((string Name, string? Path) file, string content, CancellationToken cancellationToken)
    {
        var scratch = new ScratchFiles(OwnDirectory.Make(connection.Options.ScratchDirectory));
        var archive = scratch.Create();
        try
        {
            using var stream = scratch.OpenWrite(archive);
            var tar = new TarOutput(stream);
            new BuildContext(tar, _limits, ReadIgnore(file), $"the folder {build.Directory}").Add(build.Directory, cancellationToken);
            // Once more, whatever the folder leaves out: of two entries the later one counts.
            tar.WriteFile(file.Name, Encoding.UTF8.GetBytes(content));
            tar.Finish();
            return archive;
        }
        catch
        {
            archive.Dispose();
            throw;
        }
    }

    // A Dockerfile may have an ignore file of its own, which replaces the folder's.
    private DockerIgnore ReadIgnore((string Name, string? Path) file)
    {
        var own = (file.Path ?? Path.Combine(build.Directory, file.Name)) + ".dockerignore";
        var path = File.Exists(own) ? own : Path.Combine(build.Directory, ".dockerignore");
        return new FileInfo(path) is { Exists: true, LinkTarget: null, Length: <= LargestFile } ? DockerIgnore.Parse(File.ReadAllText(path)) : DockerIgnore.Nothing;
    }

    private async Task PullBasesAsync(string dockerfile, CancellationToken cancellationToken)
    {
        foreach (var image in Dockerfiles.BasesOf(dockerfile))
        {
            if (await credentials(image, cancellationToken) is { } login
                && (build.Pull || await DockerImages.FindAsync(connection.Endpoint, connection.Client, DockerImages.NameOf(image), cancellationToken) is null))
            {
                var images = new DockerImages(connection.Endpoint, connection.Client, new DockerArchives(connection), (_, _) => Task.FromResult<RegistryCredentials?>(login));
                await images.ResolveAsync(image, PullPolicy.Always, null, cancellationToken);
            }
        }
    }

    private async Task<string?> LoginsAsync(string dockerfile, CancellationToken cancellationToken)
    {
        var logins = new Dictionary<string, BuildLogin>(StringComparer.Ordinal);
        foreach (var image in Dockerfiles.BasesOf(dockerfile))
        {
            if (await credentials(image, cancellationToken) is { } login)
            {
                logins[image.Registry] = new BuildLogin(login.User, login.User is null ? null : login.Secret);
            }
        }

        return logins.Count == 0 ? null
            : Convert.ToBase64String(JsonSerializer.SerializeToUtf8Bytes(logins, DockerBuildJson.Default.DictionaryStringBuildLogin)).Replace('+', '-').Replace('/', '_');
    }

    private ContainerException Failure(string words)
    {
        var message = words.Trim();
        try
        {
            using var body = JsonDocument.Parse(message);
            message = body.RootElement.ValueKind == JsonValueKind.Object && body.RootElement.TryGetProperty("message", out var own) ? own.GetString() ?? message : message;
        }
        catch (JsonException)
        {
            // Plain words.
        }

        return new ContainerException(ContainerFailure.InvalidSpec, $"The image of '{build.DisplayName}' was not built: {message}");
    }

    private static bool IsBelow(string path, string folder) => path == folder || path.StartsWith(folder.TrimEnd('/') + "/", StringComparison.Ordinal);
}
