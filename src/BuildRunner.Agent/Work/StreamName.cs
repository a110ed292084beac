namespace BuildRunner.Agent.Work;

/// <summary>A service's name as a part of its log's name: letters, digits, dots, dashes and underscores; what is anything else is written by its number.</summary>
internal static class StreamName
{
    private const int Longest = 80;

    public static string Of(string service)
    {
        var name = string.Concat(service.Select(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' ? c.ToString() : $"_{(int)c:x}_"));
        return name.Length <= Longest ? name : name[..Longest];
    }
}
