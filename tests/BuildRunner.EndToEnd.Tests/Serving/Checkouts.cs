using System.Security.Cryptography;
using System.Text;
using BuildRunner.Testing;
using BuildRunner.Testing.Git;

namespace BuildRunner.EndToEnd.Tests.Serving;

/// <summary>Pipelines that say nothing about a clone, or little, from real hosts of git: what the steps find in the workspace.</summary>
public sealed class Checkouts : IDisposable
{
    private const string Token = "t0ken-that-must-not-stay";
    private readonly TestFolder folder = TestFolder.Create();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Over_https_the_steps_of_up_find_the_commit_with_submodules_tags_and_large_files_and_the_token_nowhere()
    {
        Requires.Program("git-lfs");
        var large = Encoding.UTF8.GetBytes("kept beside the repository\n");
        var oid = Convert.ToHexStringLower(SHA256.HashData(large));
        var library = TestRepository.Create(folder["repos"], "lib");
        library.Commit("lib.txt", "library");
        var shop = TestRepository.Create(folder["repos"], "shop");
        shop.Git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../lib.git", "vendor/lib");
        shop.Commit("assets/.gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n");
        shop.Commit("assets/big.bin", $"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {large.Length}\n");
        shop.Git("tag", "v1");
        shop.Git("push", "-q", "origin", "v1");
        shop.Commit(".buildrunner.yml", Pipeline("""
            - test -z "$(git tag)"
            - test ! -e vendor/lib/lib.txt
            - cat assets/big.bin
            """));
        shop.Commit(".buildrunner.yml", Pipeline("""
            - test "$(git tag)" = v1
            - cat vendor/lib/lib.txt assets/big.bin
            - git submodule status
            """, "clone: { git: { image: woodpeckerci/plugin-git, settings: { recursive: true, tags: true, lfs: true } } }"), "refs/heads/full");
        await using var git = GitHttpsServer.Start(folder["repos"], Token, folder["authority.pem"]);
        git.LargeFiles[oid] = large;
        await using var service = await Service.UpAsync(folder, ("Sources:CertificateAuthorities", folder["authority.pem"]));
        await service.AddAsync("acme/shop", git.Address + "/shop.git", Token, "x-access-token");

        var plain = await (await service.RunAsync("acme/shop")).EndedAsAsync("success", "clone", "look");
        var log = await plain.LogAsync("look");
        Assert.Contains("kept beside the repository", log, StringComparison.Ordinal);
        Assert.Contains($"origin {git.Address}/shop.git", log, StringComparison.Ordinal);
        Assert.Contains("on main", log, StringComparison.Ordinal);
        Assert.Contains("fetching " + git.Address, await plain.LogAsync("clone"), StringComparison.Ordinal);

        var full = await (await service.RunAsync("acme/shop", new() { ["branch"] = "full" })).EndedAsAsync("success", "clone", "look");
        log = await full.LogAsync("look");
        Assert.Contains("library", log, StringComparison.Ordinal);
        Assert.Contains("on full", log, StringComparison.Ordinal);

        // The agent's copy has it all: nobody is asked again.
        var again = await (await service.RunAsync("acme/shop")).EndedAsAsync("success", "clone", "look");
        Assert.DoesNotContain("fetching", await again.LogAsync("clone"), StringComparison.Ordinal);
        Assert.DoesNotContain(Token, log + again.Told + service.Said + await again.LogAsync("clone"), StringComparison.Ordinal);
        Assert.Empty(FilesWith(Token, folder["data"], folder["run"], folder["scratch"]));
    }

    [Fact]
    public async Task Over_ssh_and_from_a_folder_an_agent_of_its_own_checks_out_whole_shallow_and_partial()
    {
        using var ssh = SshServer.Start(folder);
        var shop = TestRepository.Create(folder["repos"], "shop");
        shop.Git("config", "uploadpack.allowFilter", "true");
        shop.Commit("first.txt", "1");
        shop.Commit(".buildrunner.yml", Pipeline("- test $(git rev-list --count HEAD) = 2\n- test ! -e .git/shallow"));
        shop.Commit(".buildrunner.yml", Pipeline(
            "- test $(git rev-list --count HEAD) = 1\n- test -e .git/shallow", "clone: { git: { image: woodpeckerci/plugin-git, settings: { depth: 1 } } }"), "refs/heads/shallow");
        shop.Commit(".buildrunner.yml", Pipeline(
            "- test $(git rev-list --count HEAD) = 4\n- test \"$(git config remote.origin.promisor)\" = true\n- cat first.txt",
            "clone: { git: { image: woodpeckerci/plugin-git, settings: { partial: true } } }"), "refs/heads/partial");
        await using var service = await Service.ApartAsync(folder);
        await service.AddAsync("acme/far", ssh.AddressOf(shop.Bare), ssh.Key);
        await service.AddAsync("acme/near", shop.Bare);
        foreach (var repository in new[] { "acme/far", "acme/near" })
        {
            foreach (var branch in new[] { "main", "shallow", "partial" })
            {
                var ran = await (await service.RunAsync(repository, new() { ["branch"] = branch })).EndedAsAsync("success", "clone", "look");
                Assert.Contains("on " + branch, await ran.LogAsync("look"), StringComparison.Ordinal);
            }
        }

        var line = ssh.Key.Split('\n')[2];
        Assert.Empty(FilesWith(line, folder["data"], folder["work"], folder["run"], folder["scratch"]));
        Assert.DoesNotContain(line, service.Said, StringComparison.Ordinal);

        // What an agent may not clone it says, and who can allow it.
        var hidden = TestRepository.Create(folder["hidden"], "shop");
        hidden.Commit(".buildrunner.yml", Pipeline("- 'true'"));
        Assert.Contains("Sources:LocalFolders", await RefusedAsync(service, hidden.Bare), StringComparison.Ordinal);
    }

    private static string Pipeline(string commands, string clone = "") => $"""
        {clone}
        steps:
          - name: look
            image: rootfs:/
            commands:
        {string.Concat(commands.ReplaceLineEndings("\n").Split('\n').Select(c => $"      {c}\n"))}
              - git fsck --no-progress
              - echo "origin $(git remote get-url origin)"
              - echo "on $(git branch --show-current) $(git status --porcelain)"
              - "! grep -rE 't0ken|PRIVATE KEY' .git"
        """;

    private static async Task<string> RefusedAsync(Service service, string url)
    {
        using var content = new StringContent($$"""{"name":"acme/hidden","cloneUrl":"{{url}}"}""", Encoding.UTF8, "application/json");
        using var answer = await service.Http.PostAsync("/api/v1/repos", content, TestContext.Current.CancellationToken);
        Assert.False(answer.IsSuccessStatusCode);
        return await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
    }

    private static IEnumerable<string> FilesWith(string text, params string[] folders) => folders.Where(Directory.Exists)
        .SelectMany(f => Directory.EnumerateFiles(f, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint }))
        .Where(f => File.Exists(f) && Contains(f, text));

    private static bool Contains(string file, string text)
    {
        try
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var all = new MemoryStream();
            stream.CopyTo(all);
            return all.ToArray().AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) >= 0;
        }
        catch (IOException)
        {
            // Gone, or a lock that is held: its content is a process's number.
            return false;
        }
    }
}
