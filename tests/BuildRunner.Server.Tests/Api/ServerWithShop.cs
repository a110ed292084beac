using System.Net;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Access;
using BuildRunner.Server.Sources;
using BuildRunner.Server.Tests.Sources;
using BuildRunner.Testing;

namespace BuildRunner.Server.Tests.Api;

/// <summary>A server that knows one repository, <c>acme/shop</c>, whose only commit is a pipeline, and a client that may do everything.</summary>
internal sealed class ServerWithShop : IAsyncDisposable
{
    private readonly TestFolder folder;

    private ServerWithShop(TestFolder folder, HttpServer server, ApiClient api)
    {
        this.folder = folder;
        Server = server;
        Api = api;
    }

    public HttpServer Server { get; }

    public ApiClient Api { get; }

    /// <summary>Where the repository is cloned from.</summary>
    public string Repository => folder["repos/shop"];

    /// <summary>Starts one.</summary>
    /// <param name="pipeline">What stands in <c>.buildrunner.yml</c>.</param>
    /// <param name="change">Changes the server's options.</param>
    public static async Task<ServerWithShop> StartAsync(string pipeline, Func<ServerOptions, ServerOptions>? change = null)
    {
        var folder = TestFolder.Create();
        var sources = new SourceOptions { LocalFolders = [folder["repos"]] };
        var server = await HttpServer.StartAsync(o => (change?.Invoke(o) ?? o) with { Sources = sources });
        var shop = new ServerWithShop(folder, server, new ApiClient(server.With(await server.ApiTokenAsync(Scopes.Admin))));
        new GitRepository(shop.Repository).Commit("one", (".buildrunner.yml", pipeline));
        var add = new AddRepository { Name = "acme/shop", CloneUrl = shop.Repository };
        await shop.Api.SendAsync("POST", ApiRoutes.Repositories, add, ApiJson.Default.AddRepository, ApiJson.Default.Repository, HttpStatusCode.Created);
        return shop;
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        folder.Dispose();
    }
}
