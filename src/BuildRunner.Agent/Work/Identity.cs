using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using BuildRunner.Agent.Contract;
using BuildRunner.Core.AgentContract;

namespace BuildRunner.Agent.Work;

/// <summary>Who the agent is to its server: registered once, with a one-time token; from then on by a credential in a file that only its user can read.</summary>
internal static class Identity
{
    /// <summary>The credential: the host's, the file's, or a new one.</summary>
    /// <exception cref="ContractException">There is none, and no token that would get one.</exception>
    public static async Task<string> FindAsync(AgentHostOptions options, WorkFolder folder, AgentContractClient client, CancellationToken stop)
    {
        if (options.Credential is { } given)
        {
            return given;
        }

        if (Read(folder) is { } known)
        {
            return known.Credential;
        }

        if (options.Token is not { Length: > 0 } token)
        {
            throw new ContractException(
                ContractFailure.Token,
                $"this agent is not registered at {options.Server}: make a token there with 'buildrunner agent token', and start the agent once with --token-file FILE or Agent:Token");
        }

        var registered = await client.RegisterAsync(new RegisterRequest { Token = token, Name = options.Name, Credential = Propose(folder) }, stop);
        var stored = new StoredCredential(registered.Agent.Value, registered.Name, registered.Credential, options.Server.ToString());
        DurableFile.Write(folder.CredentialFile, JsonSerializer.SerializeToUtf8Bytes(stored, AgentJson.Default.StoredCredential));
        File.Delete(DraftOf(folder));
        return registered.Credential;
    }

    // On disk before it is sent: whether an answer gets lost or this process does, the next try is the same agent, and the token not wasted.
    private static string Propose(WorkFolder folder)
    {
        var draft = DraftOf(folder);
        if (!File.Exists(draft))
        {
            DurableFile.Write(draft, Encoding.ASCII.GetBytes("bra_" + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32))));
        }

        return File.ReadAllText(draft);
    }

    private static string DraftOf(WorkFolder folder) => folder.CredentialFile + ".wanted";

    private static StoredCredential? Read(WorkFolder folder)
    {
        if (!File.Exists(folder.CredentialFile))
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(folder.CredentialFile), AgentJson.Default.StoredCredential);
        }
        catch (JsonException e)
        {
            throw new ContractException(ContractFailure.Credential, $"the file {folder.CredentialFile} is not what an agent writes ({e.Message}); remove it and register the agent again");
        }
    }
}
