using BuildRunner.Server.Sources;
using BuildRunner.Testing;

namespace BuildRunner.Server.Tests.Sources;

/// <summary>Where a branch of a repository on this machine is: what is read without git is what git says, and whatever is unusual is left to git.</summary>
public sealed class Refs_of_a_local_repository : IDisposable
{
    private readonly TestFolder _folder = TestFolder.Create();

    [Fact]
    public void A_branch_is_where_git_says_whether_it_has_a_file_of_its_own_or_is_packed_or_both()
    {
        var repository = new GitRepository(_folder["shop"]);
        var first = repository.Commit("one", ("a", "1"));
        repository.Git("branch", "feature/deep");
        AssertIs(LocalRefs.Read(repository.Path, null), "main", first, first);
        AssertIs(LocalRefs.Read(repository.Path, "refs/heads/feature/deep"), "main", first, first);

        repository.Git("pack-refs", "--all");
        AssertIs(LocalRefs.Read(repository.Path, "refs/heads/feature/deep"), "main", first, first);

        var second = repository.Commit("two", ("a", "2"));
        AssertIs(LocalRefs.Read(repository.Path, "refs/heads/main"), "main", second, second);
        AssertIs(LocalRefs.Read(repository.Path, "refs/heads/feature/deep"), "main", second, first);
    }

    [Fact]
    public void A_bare_repository_is_read_as_well()
    {
        var repository = new GitRepository(_folder["shop"]);
        var commit = repository.Commit("one", ("a", "1"));
        repository.Git("clone", "--quiet", "--bare", repository.Path, _folder["bare.git"]);
        AssertIs(LocalRefs.Read(_folder["bare.git"], null), "main", commit, commit);
    }

    [Theory]
    [InlineData("a branch that is not there", "true", "refs/heads/none")]
    [InlineData("the end of another branch's name", "git branch feature/main", "refs/heads/feature")]
    [InlineData("a HEAD that names no branch", "git checkout --quiet --detach", null)]
    [InlineData("a HEAD that names a branch without a commit", "git symbolic-ref HEAD refs/heads/unborn", null)]
    [InlineData("a branch that is another name of one", "git symbolic-ref refs/heads/alias refs/heads/main", "refs/heads/alias")]
    [InlineData("refs that are not shown to everybody", "git config uploadpack.hideRefs refs/heads/main", null)]
    [InlineData("settings that lie elsewhere", "git config include.path other", null)]
    [InlineData("another format", "git config core.repositoryformatversion 1 && git config extensions.refStorage reftable", null)]
    [InlineData("a link in the place of a branch", "cp .git/refs/heads/main elsewhere && ln -sf \"$PWD/elsewhere\" .git/refs/heads/main", null)]
    [InlineData("something that is no commit", "echo 0123 > .git/refs/heads/main", null)]
    [InlineData("a pipe, which nobody writes into", "rm .git/refs/heads/main && mkfifo .git/refs/heads/main", null)]
    [InlineData("a folder of another repository", "mv .git ../elsewhere && echo \"gitdir: $PWD/../elsewhere\" > .git", null)]
    [InlineData("no repository", "rm -r .git", null)]
    public void Whatever_is_unusual_is_left_to_git(string what, string command, string? wanted)
    {
        var repository = new GitRepository(_folder["shop"]);
        repository.Commit("one", ("a", "1"));
        Assert.NotNull(LocalRefs.Read(repository.Path, null));
        repository.Shell(command);
        Assert.True(LocalRefs.Read(repository.Path, wanted) is null, what);
    }

    [Fact]
    public void A_work_tree_of_another_repository_is_left_to_git()
    {
        var repository = new GitRepository(_folder["shop"]);
        repository.Commit("one", ("a", "1"));
        repository.Git("worktree", "add", "--quiet", "-b", "other", _folder["other"]);
        Assert.Null(LocalRefs.Read(_folder["other"], null));
    }

    public void Dispose() => _folder.Dispose();

    private static void AssertIs(RemoteRefs? found, string branch, string head, string other)
    {
        Assert.NotNull(found);
        Assert.Equal((branch, head), (found.DefaultBranch, found.Head));
        Assert.Contains(other, found.Ids.Values);
        Assert.All(found.Ids.Values, id => Assert.True(id == head || id == other));
    }
}
