namespace BuildRunner.EndToEnd.Tests.Deploying;

/// <summary>The compose file of <c>deploy/</c>: in each profile a run goes through its clone, which nobody wrote, and a step.</summary>
public sealed class Compose_profiles
{
    // What the official images do with their variables, as far as the compose file uses them. Debian's packages are this machine's versions, not the ones that the file names.
    private const string PostgresEntry = """
        #!/bin/bash
        set -e
        bin=$(echo /usr/lib/postgresql/*/bin)
        data=/var/lib/postgresql/data
        export PATH=$bin:$PATH
        mkdir -p /var/run/postgresql && chown -R postgres "$data" /var/run/postgresql
        if [ ! -s $data/PG_VERSION ]; then
          cp "$POSTGRES_PASSWORD_FILE" /tmp/password && chown postgres /tmp/password
          setpriv --reuid=postgres --clear-groups initdb -D $data -U "$POSTGRES_USER" --pwfile=/tmp/password --auth-host=scram-sha-256 >/dev/null
          echo "host all all all scram-sha-256" >> $data/pg_hba.conf
          echo "create database $POSTGRES_DB" | setpriv --reuid=postgres --clear-groups postgres --single -D $data postgres >/dev/null
        fi
        exec setpriv --reuid=postgres --clear-groups postgres -D $data -h '*'
        """;

    private static readonly string[] Tools = ["bash", "coreutils", "base-files", "findutils", "hostname", "sed", "grep", "util-linux", "libc-bin", "passwd"];

    [Fact(Explicit = true)]
    public async Task Single_serves_and_runs_what_it_cloned()
    {
        await using var composition = await Composition.PrepareAsync("single", "single");
        await composition.BuildLastStageAsync();
        await composition.ComposeAsync("up", "-d");
        await composition.HealthyAsync("single");
        await composition.RunPipelineAsync("single");
    }

    [Fact(Explicit = true)]
    public async Task The_Dockerfile_as_it_stands_makes_an_image_of_this_checkout_that_serves_and_runs()
    {
        await using var composition = await Composition.PrepareAsync("single", "single");
        await WholeDockerfile.BuildAsync(composition);
        Assert.StartsWith("buildrunner ", await composition.RunAsync("docker", "run", "--rm", "buildrunner", "version"), StringComparison.Ordinal);
        await composition.ComposeAsync("up", "-d");
        await composition.HealthyAsync("single");
        await composition.RunPipelineAsync("single");
    }

    [Fact(Explicit = true)]
    public async Task Postgres_serves_and_runs_what_it_cloned()
    {
        await using var composition = await Composition.PrepareAsync("postgres", "with-postgres");
        await composition.BuildLastStageAsync();
        await GivePostgresAsync(composition);
        await composition.ComposeAsync("up", "-d");
        await composition.HealthyAsync("with-postgres");
        await composition.RunPipelineAsync("with-postgres");
    }

    [Fact(Explicit = true)]
    public async Task Scale_runs_on_both_agents_what_either_server_was_asked_for()
    {
        await using var composition = await Composition.PrepareAsync("scale", "server-1", "server-2", "agent-1", "agent-2");
        await composition.BuildLastStageAsync();
        await GivePostgresAsync(composition);
        await composition.ImportAsync("rabbitmq:4", [.. MachineImage.FilesOf([.. Tools, "rabbitmq-server", "ca-certificates"]), "/etc/passwd", "/etc/group", "/etc/nsswitch.conf"], ("usr/local/bin/entry", RabbitEntry));
        await composition.EntryAsync("rabbitmq:4", "/usr/local/bin/entry", "ENV PATH=/usr/lib/rabbitmq/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "ENV HOME=/var/lib/rabbitmq");
        await composition.SecretAsync("rabbit.uri", "amqp://buildrunner:rabbit-word@rabbitmq/");
        await composition.SecretAsync("rabbit.conf", "default_user = buildrunner\ndefault_pass = rabbit-word\n");
        await composition.ComposeAsync("up", "-d", "server-1", "server-2");
        await composition.HealthyAsync("server-1");
        await composition.HealthyAsync("server-2");

        // As the first lines of the file say: a token each, made by a server.
        foreach (var name in new[] { "agent.token", "agent-2.token" })
        {
            await composition.SecretAsync(name, await composition.ExecuteAsync("server-1", "BUILDRUNNER_SERVER=http://127.0.0.1:8080 BUILDRUNNER_TOKEN=$(buildrunner server token) buildrunner agent token"));
        }

        await composition.ComposeAsync("up", "-d");
        await composition.RunPipelineAsync("server-1");
        await composition.RunPipelineAsync("server-2");
        var agents = await composition.ExecuteAsync("server-2", "BUILDRUNNER_SERVER=http://127.0.0.1:8080 BUILDRUNNER_TOKEN=$(buildrunner server token) buildrunner agents ls");
        Assert.Equal(2, agents.Split(" online ").Length - 1);
    }

    private const string RabbitEntry = """
        #!/bin/bash
        set -e
        mkdir -p /var/lib/rabbitmq /var/log/rabbitmq && chown -R rabbitmq /var/lib/rabbitmq /var/log/rabbitmq
        export HOME=/var/lib/rabbitmq RABBITMQ_LOGS=-
        exec setpriv --reuid=rabbitmq --regid=rabbitmq --clear-groups /usr/lib/rabbitmq/bin/rabbitmq-server
        """;

    private static async Task GivePostgresAsync(Composition composition)
    {
        var version = Path.GetFileName(Directory.GetDirectories("/usr/lib/postgresql").Order().Last());
        await composition.ImportAsync("postgres:16", [.. MachineImage.FilesOf([.. Tools, $"postgresql-{version}", "tzdata"]), "/etc/passwd", "/etc/group", "/etc/nsswitch.conf"], ("usr/local/bin/entry", PostgresEntry));
        await composition.EntryAsync("postgres:16", "/usr/local/bin/entry", $"ENV PATH=/usr/lib/postgresql/{version}/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        await composition.SecretAsync("postgres.password", "database-word");
        await composition.SecretAsync("connection", "Host=postgres;Database=buildrunner;Username=buildrunner;Password=database-word");
    }
}
