using System.Globalization;
using BuildRunner.Core.Pipelines.Keys;

namespace BuildRunner.Core.Expressions.Conditions;

/// <summary>
/// Reads an expression: expr-lang as its language definition has it, without bytes, dates and calls of methods. Precedence climbing; depth and size are
/// bounded, so that no expression exhausts the stack. Made for one expression.
/// </summary>
internal sealed partial class ExpressionParser
{
    // Higher binds tighter (expr-lang, parser/operator).
    private static readonly Dictionary<string, int> Precedence = new()
    {
        ["|"] = 0,
        ["or"] = 10,
        ["||"] = 10,
        ["and"] = 15,
        ["&&"] = 15,
        ["=="] = 20,
        ["!="] = 20,
        ["<"] = 20,
        [">"] = 20,
        [">="] = 20,
        ["<="] = 20,
        ["in"] = 20,
        ["matches"] = 20,
        ["contains"] = 20,
        ["startsWith"] = 20,
        ["endsWith"] = 20,
        [".."] = 25,
        ["+"] = 30,
        ["-"] = 30,
        ["*"] = 60,
        ["/"] = 60,
        ["%"] = 60,
        ["**"] = 100,
        ["^"] = 100,
        ["??"] = 500,
    };

    private readonly IReadOnlyList<ExpressionToken> tokens;
    private readonly int maxDepth;
    private readonly int maxNodes;
    private int index;
    private int depth;
    private int nodes;
    private int predicates;

    private ExpressionParser(IReadOnlyList<ExpressionToken> tokens, int scale)
    {
        this.tokens = tokens;
        maxDepth = 64 * scale;
        maxNodes = 1000 * scale;
    }

    private ExpressionToken Current => tokens[index];

    /// <summary>Reads an expression.</summary>
    /// <param name="text">The expression.</param>
    /// <param name="scale">1 for what a person wrote; more for what was printed from that, which has more parentheses.</param>
    /// <exception cref="ExpressionException">It is none.</exception>
    public static ExpressionNode Parse(string text, int scale = 1)
    {
        var parser = new ExpressionParser(new ExpressionLexer(text).Split(), scale);
        var node = parser.ParseExpression(0);
        if (parser.Current.Kind != TokenKind.End)
            throw parser.Unexpected();
        return node;
    }

    private ExpressionNode ParseExpression(int precedence)
    {
        if (++depth > maxDepth)
            throw new ExpressionException($"it is nested more than {maxDepth} deep");
        var node = precedence == 0 && Take("let") ? ParseLet() : precedence == 0 && Take("if") ? ParseIf() : ParseOperators(precedence);
        depth--;
        return node;
    }

    private ExpressionNode ParseOperators(int precedence)
    {
        var left = ParseUnary();
        while (true)
        {
            var negated = Current.Is("not") && tokens[index + 1].Value is "in" or "matches" or "contains" or "startsWith" or "endsWith";
            var token = negated ? tokens[index + 1] : Current;
            if (token.Kind != TokenKind.Operator || !Precedence.TryGetValue(token.Value, out var binding) || binding < precedence)
                break;
            index += negated ? 2 : 1;
            if (token.Is("|"))
            {
                left = ParseCall(Name(), [left]);
            }
            else if (token.Value is "<" or ">" or "<=" or ">=")
            {
                left = ParseComparison(left, token.Value, binding);
            }
            else
            {
                // Only powers bind to the right.
                var right = ParseExpression(token.Value is "**" or "^" ? binding : binding + 1);
                left = Count(new ExpressionNode.Binary(Normal(token.Value), left, right));
            }
            if (negated)
                left = Count(new ExpressionNode.Unary("not", left));
        }
        return precedence == 0 ? ParseConditional(left) : left;
    }

    // a < b < c means a < b and b < c.
    private ExpressionNode ParseComparison(ExpressionNode left, string comparison, int binding)
    {
        ExpressionNode? all = null;
        while (true)
        {
            var right = ParseExpression(binding + 1);
            ExpressionNode one = Count(new ExpressionNode.Binary(comparison, left, right));
            all = all is null ? one : Count(new ExpressionNode.Binary("and", all, one));
            if (Current is not { Kind: TokenKind.Operator, Value: "<" or ">" or "<=" or ">=" })
                return all;
            comparison = Current.Value;
            index++;
            left = right;
        }
    }

    private ExpressionNode ParseConditional(ExpressionNode node)
    {
        while (Take("?"))
        {
            var then = Current.Is(":") ? node : ParseExpression(0);
            Expect(":");
            node = Count(new ExpressionNode.Conditional(node, then, ParseExpression(0)));
        }
        return node;
    }

    private ExpressionNode.Let ParseLet()
    {
        var name = Name();
        Expect("=");
        var value = ParseExpression(0);
        Expect(";");
        return Count(new ExpressionNode.Let(name.Value, value, ParseExpression(0)));
    }

    private ExpressionNode.Conditional ParseIf()
    {
        var condition = ParseExpression(0);
        var then = Block();
        Expect("else");
        return Count(new ExpressionNode.Conditional(condition, then, Current.Is("if") ? ParseExpression(0) : Block()));
    }

    private ExpressionNode Block()
    {
        Expect("{");
        var body = ParseExpression(0);
        Expect("}");
        return body;
    }

    private ExpressionNode ParseUnary()
    {
        foreach (var (written, normal, binding) in new[] { ("not", "not", 50), ("!", "not", 50), ("-", "-", 90), ("+", "+", 90) })
        {
            if (Take(written))
                return ParsePostfix(Count(new ExpressionNode.Unary(normal, ParseExpression(binding))));
        }
        return ParsePostfix(ParsePrimary());
    }

    private static string Normal(string written) => written switch
    {
        "&&" => "and",
        "||" => "or",
        "^" => "**",
        _ => written,
    };

    private T Count<T>(T node)
        where T : ExpressionNode =>
        ++nodes > maxNodes ? throw new ExpressionException($"it has more than {maxNodes} parts") : node;

    private bool Take(string value)
    {
        if (!Current.Is(value))
            return false;
        index++;
        return true;
    }

    private void Expect(string value)
    {
        if (!Take(value))
            throw new ExpressionException($"`{value}` is expected before {Said(Current)}");
    }

    private ExpressionToken Name() => Current.Kind == TokenKind.Name ? tokens[index++] : throw new ExpressionException($"a name is expected before {Said(Current)}");

    private ExpressionException Unexpected() => new($"{Said(Current)} is not expected");

    private static string Said(ExpressionToken token) => token.Kind == TokenKind.End ? "the end" : $"`{token.Value}` at {ExpressionLexer.Place(token.Position)}";

    private static double Float(string text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
        ? number
        : throw new ExpressionException($"`{text}` is no number");

    private static string? DidYouMean(string name) => Nearest.To(name, ExpressionFunctions.Names) is { } near ? $"; did you mean `{near}`?" : null;
}
