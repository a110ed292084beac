using System.IO.Compression;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Testing;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>The doctor names runtimes that are known to let containers out.</summary>
public sealed class Known_holes_of_runtimes
{
    private const string Debian = "runc version 1.1.5+ds1\ncommit: 1.1.5+ds1-1+deb12u1\nspec: 1.0.2-dev\n";

    [Theory]
    [InlineData("runc version 1.0.0-rc6", "CVE-2019-5736 CVE-2021-30465 CVE-2023-27561 CVE-2024-45310 CVE-2025-31133 CVE-2025-52565 CVE-2025-52881 CVE-2026-41579")]
    [InlineData("runc version 1.1.11", "CVE-2024-21626 CVE-2024-45310 CVE-2025-31133 CVE-2025-52565 CVE-2025-52881 CVE-2026-41579")]
    [InlineData("runc version 1.1.14", "CVE-2025-31133 CVE-2025-52565 CVE-2025-52881 CVE-2026-41579")]
    [InlineData("runc version 1.2.0-rc.1", "CVE-2024-45310 CVE-2025-31133 CVE-2025-52565 CVE-2025-52881 CVE-2026-41579")]
    [InlineData("runc version 1.2.8", "CVE-2026-41579")]
    [InlineData("runc version 1.3.2", "CVE-2025-31133 CVE-2025-52565 CVE-2025-52881 CVE-2026-41579")]
    [InlineData("runc version 1.3.3+dev", "CVE-2026-41579")]
    [InlineData("runc version 1.4.0~rc2", "CVE-2025-31133 CVE-2025-52565 CVE-2025-52881 CVE-2026-41579")]
    [InlineData("runc version 1.4.0", "CVE-2026-41579")]
    [InlineData("runc version 1.3.6", "")]
    [InlineData("runc version 1.4.3", "")]
    [InlineData("runc version 1.5.0", "")]
    [InlineData("crun version 0.10.4", "CVE-2019-18837 CVE-2022-27650 CVE-2025-24965")]
    [InlineData("crun version 1.8.1\ncommit: f8a096be060b22ccd3d5f3ebe44108517fbf6c30", "CVE-2025-24965")]
    [InlineData("crun version 1.20", "CVE-2026-30892")]
    [InlineData("crun version 1.27", "")]
    [InlineData("youki version: 0.5.6", "CVE-2025-62161 CVE-2025-62596")]
    public void Are_told_by_its_version(string output, string expected) =>
        Assert.Equal(expected, string.Join(' ', RuntimeHoles.Of(output, "")!.Select(h => h.Split(' ')[0])));

    [Theory]
    [InlineData("runsc version release-20240101.0")]
    [InlineData("something else")]
    [InlineData("runc version unknown")]
    public void Are_not_guessed_for_one_that_is_not_known(string output) => Assert.Null(RuntimeHoles.Of(output, ""));

    [Fact]
    public void Are_not_told_if_the_distribution_has_closed_them_under_the_same_number()
    {
        using var documents = TestFolder.Create();
        WriteChangelog(documents, "runc (1.1.5+ds1-1+deb12u1) bookworm-security; urgency=high\n\n  * CVE-2024-21626: several container breakouts\n");
        var changelog = RuntimeHoles.ChangelogOf(Debian, documents.Path);
        var holes = RuntimeHoles.Of(Debian, changelog);
        Assert.DoesNotContain(holes!, h => h.StartsWith("CVE-2024-21626", StringComparison.Ordinal));
        Assert.Contains(holes!, h => h.StartsWith("CVE-2025-31133", StringComparison.Ordinal));
        Assert.Contains(RuntimeHoles.Of(Debian, "")!, h => h.StartsWith("CVE-2024-21626", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("runc version 1.1.5\ncommit: v1.1.5-0-gf19387a6", "built from source")]
    [InlineData("runc version 1.1.5+ds1\ncommit: 1.1.5+ds1-1\n", "an older package than the changelog's")]
    public void Are_told_of_a_program_that_is_not_the_packages(string output, string because)
    {
        using var documents = TestFolder.Create();
        WriteChangelog(documents, $"runc (1.1.5+ds1-1+deb12u1) bookworm-security; urgency=high\n\n  * CVE-2024-21626\n\n{new string('-', 300)}\nrunc (1.1.5+ds1-1) unstable; urgency=medium\n");
        Assert.True(RuntimeHoles.ChangelogOf(output, documents.Path).Length == 0, because);
    }

    [Fact]
    public void Are_a_warning_that_names_what_to_do()
    {
        var check = OciProbe.OfVersion("runc version 1.1.11\n", "");
        Assert.Equal(ReadinessStatus.Warning, check.Status);
        Assert.StartsWith("runc version 1.1.11, with known holes: CVE-2024-21626", check.Detail, StringComparison.Ordinal);
        Assert.Contains("Engine:Runtime", check.Remedy, StringComparison.Ordinal);
        Assert.Matches("^runc version 1.1.11 has [0-9]+ known holes$", check.Brief);
        Assert.Equal(ReadinessStatus.Ok, OciProbe.OfVersion("runc version 1.4.3\n", "").Status);
    }

    private static void WriteChangelog(TestFolder documents, string text)
    {
        Directory.CreateDirectory(documents["runc"]);
        using var writer = new StreamWriter(new GZipStream(File.Create(documents["runc/changelog.Debian.gz"]), CompressionLevel.Fastest));
        writer.Write(text);
    }
}
