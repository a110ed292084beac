using System.Net;
using System.Security.Cryptography;
using System.Text;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Logs;

namespace BuildRunner.Server.Tests.Hosting;

/// <summary>The log of a step as an agent uploads it: line by line, while the step goes on.</summary>
internal sealed class UploadedLog(HttpAgent agent, WorkItem step) : IDisposable
{
    private readonly MemoryStream whole = new();

    /// <summary>Adds a line.</summary>
    /// <param name="line">Without its line feed.</param>
    /// <param name="end">Whether it is the last one.</param>
    public async Task<HttpStatusCode> AddAsync(string line, bool end = false)
    {
        var frame = new LogFrame(LogStream.Out, DateTimeOffset.UnixEpoch, false, Encoding.UTF8.GetBytes(line));
        var bytes = new byte[frame.Size];
        frame.Write(bytes);
        var offset = whole.Length;
        whole.Write(bytes);
        return await PutAsync(offset, bytes, end);
    }

    /// <summary>Says that there is no more.</summary>
    public Task<HttpStatusCode> EndAsync() => PutAsync(whole.Length, [], end: true);

    public void Dispose() => whole.Dispose();

    private async Task<HttpStatusCode> PutAsync(long offset, byte[] bytes, bool end)
    {
        using var content = new ByteArrayContent(bytes);
        var sha = end ? Convert.ToHexStringLower(SHA256.HashData(whole.ToArray())) : null;
        using var put = await agent.Http.PutAsync(AgentRoutes.ForLog(step.Id, LogStreams.Output, step.Fence, offset, sha), content, TestContext.Current.CancellationToken);
        return put.StatusCode;
    }
}
